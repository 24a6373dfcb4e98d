"""A break: an oblique cut through one bone, with a gap and a step between its fragments."""

from dataclasses import dataclass

import numpy as np

from phantom.solids import Bone, Stack


@dataclass(frozen=True)
class Cut:
    """A jagged plane y = y0 + slope_x (x - x0) + slope_z (z - z0), and the gap around it."""

    x: float
    y: float
    z: float
    slope_x: float
    slope_z: float
    half_gap: float
    jag: float
    jag_phase: float


@dataclass(frozen=True)
class Fracture:
    """Which bone breaks, where, and how far each fragment has left its place."""

    bone: str
    cut: Cut
    upper_step: tuple[float, float]
    lower_step: tuple[float, float]


def draw_fracture(bone: Bone, span: tuple[float, float], random: np.random.Generator) -> Fracture:
    """A break of this bone between the two levels of `span` (shares of its length)."""
    level = round(random.uniform(*span) * (len(bone.outline.y) - 1))
    stack = bone.outline
    radius = float(stack.a[level])
    cut = Cut(
        x=float(stack.x[level]),
        y=float(stack.y[level]),
        z=float(stack.z[level]),
        slope_x=random.uniform(-0.6, 0.6),
        slope_z=random.uniform(-0.35, 0.35),
        half_gap=radius * random.uniform(0.14, 0.3),
        jag=radius * random.uniform(0.03, 0.1),
        jag_phase=random.uniform(0, 2 * np.pi),
    )
    heading = _parting(cut, random.uniform(0, 2 * np.pi))
    step = radius * random.uniform(0.3, 0.9)
    share = random.uniform(0.1, 0.5)
    return Fracture(
        bone.name, cut, _step(-share * step, heading), _step((1 - share) * step, heading)
    )


def _parting(cut: Cut, heading: float) -> float:
    """The heading or its opposite: parted fragments show the gap, overlapping ones hide it."""
    opening = cut.slope_x * np.cos(heading) + cut.slope_z * np.sin(heading)
    return heading if opening >= 0 else heading + np.pi


def _step(length: float, heading: float) -> tuple[float, float]:
    return float(length * np.cos(heading)), float(length * np.sin(heading))


def fragments(stack: Stack, fracture: Fracture) -> tuple[Stack, Stack]:
    """The solid as its upper and its lower fragment hold it.

    The joints keep the far ends in place, so a fragment tilts: its step grows towards the cut.
    """
    reach = fracture.cut.y - stack.y
    top, bottom = reach[0], -reach[-1]
    upper_share = np.clip(1 - reach / top, 0, 1.2).astype(np.float32)
    lower_share = np.clip(1 + reach / bottom, 0, 1.2).astype(np.float32)
    upper = stack.moved(*(step * upper_share for step in fracture.upper_step))
    lower = stack.moved(*(step * lower_share for step in fracture.lower_step))
    return upper, lower
