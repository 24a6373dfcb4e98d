"""Path lengths against geometry that has a formula."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phantom.fracture import Cut, Fracture
from phantom.projection import Camera, add_path, bone_paths, chords, gap_extent
from phantom.solids import Bone, Floats, Girth, Line, long_bone, short_bone


def camera(turn: float = 0.0, spacing: float = 0.5) -> Camera:
    return Camera(300, 240, spacing, turn, lean=0.0, middle=0.0)


def path_picture(bone: Bone, fracture: Fracture | None, view: Camera) -> Floats:
    picture = np.zeros((view.rows, view.columns), np.float32)
    for outline, _ in bone_paths(bone, fracture, view):
        add_path(picture, outline)
    return picture


@given(turn=st.floats(-np.pi, np.pi))
@settings(max_examples=25, deadline=None)
def test_a_projected_ellipsoid_keeps_its_volume_from_every_side(turn: float) -> None:
    bone = short_bone("talus", (3, -4, 5), (20, 25, 12), turn=0.4)
    view = camera(turn)
    volume = float(path_picture(bone, None, view).sum()) * view.spacing**2
    assert volume == pytest.approx(4 / 3 * np.pi * 20 * 25 * 12, rel=0.01)


def test_the_middle_ray_of_a_sphere_is_its_diameter() -> None:
    sphere = short_bone("sphere", (0, 0, 0), (20, 20, 20), turn=0.0)
    assert path_picture(sphere, None, camera(0.7)).max() == pytest.approx(40, rel=0.005)


def test_a_solid_outside_the_picture_has_no_chords() -> None:
    far_right = short_bone("sphere", (500, 0, 0), (20, 20, 20), turn=0.0)
    far_below = short_bone("sphere", (0, 500, 0), (20, 20, 20), turn=0.0)
    assert chords(far_right.outline, camera()) is None
    assert chords(far_below.outline, camera()) is None


def straight_shaft() -> Bone:
    line = Line((0, -70, 0), (0, 70, 0))
    return long_bone("shaft", line, Girth(10, top_flare=1, bottom_flare=1, depth=0.5, turn=0.5))


def break_without_step(half_gap: float) -> Fracture:
    cut = Cut(0, 0, 0, slope_x=0.5, slope_z=0.3, half_gap=half_gap, jag=0.0, jag_phase=0.0)
    return Fracture("shaft", cut, (0, 0), (0, 0))


@pytest.mark.parametrize("turn", [0.0, 0.6, np.pi / 2])
def test_a_gap_takes_away_exactly_its_own_slice(turn: float) -> None:
    bone, view = straight_shaft(), camera(turn)
    lost = path_picture(bone, None, view) - path_picture(bone, break_without_step(2.0), view)
    assert lost.min() > -1e-3
    # A plane's slant does not change how much shaft lies between it and its parallel.
    assert lost.sum() * view.spacing**2 == pytest.approx(np.pi * 10 * 5 * 4, rel=0.02)


@pytest.mark.parametrize("turn", [0.0, 0.6, np.pi / 2])
def test_a_closed_break_is_a_whole_bone(turn: float) -> None:
    bone, view = straight_shaft(), camera(turn)
    whole, closed = path_picture(bone, None, view), path_picture(bone, break_without_step(0), view)
    np.testing.assert_allclose(closed, whole, atol=0.02)


@pytest.mark.parametrize("turn", [0.0, 0.6, np.pi / 2])
def test_the_extent_of_a_gap_is_where_the_bone_is_missing(turn: float) -> None:
    bone, view, fracture = straight_shaft(), camera(turn), break_without_step(2.0)
    lost = path_picture(bone, None, view) - path_picture(bone, fracture, view)
    rows, columns = np.nonzero(lost > 0.2)
    left, top, right, bottom = gap_extent(bone, fracture, view)
    seen = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    stated = (view.column(left), view.row(top), view.column(right), view.row(bottom))
    np.testing.assert_allclose(stated, seen, atol=2)
