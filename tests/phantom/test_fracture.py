"""Breaks: inside the stated span, far ends held by the joints, fragments parting."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from phantom.fracture import draw_fracture, fragments
from phantom.solids import Bone, Girth, Line, long_bone

SEEDS = st.integers(0, 2**31)


def shaft() -> Bone:
    return long_bone("shaft", Line((-5, -100, 2), (5, 100, -2), bow_x=4), Girth(8))


@given(seed=SEEDS)
@settings(max_examples=50, deadline=None)
def test_the_joints_hold_the_far_ends(seed: int) -> None:
    bone = shaft()
    upper, lower = fragments(
        bone.outline, draw_fracture(bone, (0.2, 0.8), np.random.default_rng(seed))
    )
    assert (upper.x[0], upper.z[0]) == (bone.outline.x[0], bone.outline.z[0])
    assert (lower.x[-1], lower.z[-1]) == (bone.outline.x[-1], bone.outline.z[-1])


@given(seed=SEEDS)
@settings(max_examples=50, deadline=None)
def test_a_break_lies_in_its_span_and_parts_its_fragments(seed: int) -> None:
    fracture = draw_fracture(shaft(), (0.4, 0.5), np.random.default_rng(seed))
    cut = fracture.cut
    assert -20.5 <= cut.y <= 0.5
    step_x, step_z = np.subtract(fracture.lower_step, fracture.upper_step)
    assert step_x * cut.slope_x + step_z * cut.slope_z >= 0
    assert np.hypot(step_x, step_z) > 1
