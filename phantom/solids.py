"""Bones and soft tissue as stacks of horizontal ellipses: cheap to project, exact to cut.

Millimetres; x across the limb, y along it (down the picture), z through it from front or back.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_LEVELS = 400


@dataclass(frozen=True)
class Stack:
    """A solid made of one ellipse per level y: centre (x, z), semi-axes a, b turned by `turn`."""

    y: Floats
    x: Floats
    z: Floats
    a: Floats
    b: Floats
    turn: float = 0.0

    def moved(self, shift_x: Floats, shift_z: Floats) -> "Stack":
        """The same solid with each level pushed sideways by its own amount."""
        return replace(self, x=self.x + shift_x, z=self.z + shift_z)

    def shrunk(self, wall: Floats) -> "Stack":
        """What a wall of this thickness leaves inside."""
        return replace(self, a=np.maximum(self.a - wall, 0), b=np.maximum(self.b - wall, 0))


@dataclass(frozen=True)
class Bone:
    """A cortical shell around marrow."""

    name: str
    outline: Stack
    cortex: Floats

    @property
    def marrow(self) -> Stack:
        return self.outline.shrunk(self.cortex)


@dataclass(frozen=True)
class Line:
    """Where a bone or limb begins and ends: (x, y, z) of both ends, and how far it bows between."""

    start: tuple[float, float, float]
    end: tuple[float, float, float]
    bow_x: float = 0.0
    bow_z: float = 0.0

    def levels(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Position along the line 0..1, and x, y, z there."""
        t = np.linspace(0, 1, _LEVELS, dtype=np.float32)
        arch = np.sin(np.pi * t)
        x, y, z = (s + (e - s) * t for s, e in zip(self.start, self.end, strict=True))
        return t, x + self.bow_x * arch, y, z + self.bow_z * arch


@dataclass(frozen=True)
class Girth:
    """How thick a long bone is: shaft radius, flare of both ends, depth/width, cortex share."""

    radius: float
    top_flare: float = 1.6
    bottom_flare: float = 1.6
    depth: float = 0.9
    cortex_share: float = 0.38
    turn: float = 0.0


def long_bone(name: str, line: Line, girth: Girth) -> Bone:
    """A shaft with thick walls that flares into thin-walled, rounded ends."""
    t, x, y, z = line.levels()
    flare = _flare(t, girth)
    a = girth.radius * flare * _caps(t, girth.radius * 0.9 / abs(float(y[-1] - y[0])))
    cortex = girth.radius * girth.cortex_share * np.clip(1.6 - flare, 0.16, 0.6) / 0.6
    return Bone(name, Stack(y, x, z, a, a * girth.depth, girth.turn), cortex.astype(np.float32))


def _flare(t: Floats, girth: Girth) -> Floats:
    top = (girth.top_flare - 1) * np.exp(-((t / 0.13) ** 2))
    bottom = (girth.bottom_flare - 1) * np.exp(-(((1 - t) / 0.13) ** 2))
    return np.asarray(1 + top + bottom, np.float32)


def _caps(t: Floats, share: float) -> Floats:
    """1 along the shaft, rounding to 0 at both ends over `share` of the length."""
    share = min(share, 0.5)
    inward = np.clip(np.minimum(t, 1 - t) / share, 0, 1)
    return np.asarray(np.sqrt(1 - (1 - inward) ** 2), np.float32)


def short_bone(
    name: str, centre: tuple[float, float, float], radii: tuple[float, float, float], turn: float
) -> Bone:
    """An ellipsoid with a thin wall, as carpals and tarsals are."""
    (x, y, z), (a, half_height, b) = centre, radii
    line = Line((x, y - half_height, z), (x, y + half_height, z))
    t, xs, ys, zs = line.levels()
    round_off = _caps(t, 0.5)
    outline = Stack(ys, xs, zs, a * round_off, b * round_off, turn)
    return Bone(name, outline, np.full_like(t, 0.13 * min(radii)))


def tube(line: Line, widths: tuple[float, ...], depth: float, rounding: float = 0.1) -> Stack:
    """Soft tissue along a line; half widths at even steps, joined smoothly, with rounded ends."""
    t, x, y, z = line.levels()
    steps = np.linspace(0, 1, len(widths))
    a = _smooth(np.interp(t, steps, widths)) * _caps(t, rounding)
    return Stack(y, x, z, a, a * depth)


def _smooth(profile: NDArray[np.float64]) -> Floats:
    kernel = np.hanning(_LEVELS // 8)
    padded = np.pad(profile, len(kernel) // 2, mode="edge")
    smoothed = np.convolve(padded, kernel / kernel.sum(), mode="same")
    return smoothed[len(kernel) // 2 :][: len(profile)].astype(np.float32)
