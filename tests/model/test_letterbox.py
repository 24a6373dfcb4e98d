"""What lies where in the image lies where the letterbox says in the square."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from model.letterbox import fit_letterbox, letterbox
from model.radiograph import Radiograph

SIDES = st.integers(1, 4000)
ASPECTS = st.floats(0.25, 4)


@given(rows=SIDES, columns=SIDES, aspect=ASPECTS, side=st.sampled_from([64, 416]))
def test_the_image_fits_and_its_long_side_fills(
    rows: int, columns: int, aspect: float, side: int
) -> None:
    frame = fit_letterbox(rows, columns, aspect, side)
    assert max(frame.height, frame.width) == side
    assert frame.top >= 0 and frame.top + frame.height <= side
    assert frame.left >= 0 and frame.left + frame.width <= side
    assert abs(frame.height * columns - frame.width * rows * aspect) <= max(columns, rows * aspect)


@given(rows=SIDES, columns=SIDES, aspect=ASPECTS)
def test_the_images_corners_are_the_frames(rows: int, columns: int, aspect: float) -> None:
    frame = fit_letterbox(rows, columns, aspect, 416)
    assert frame.to_square(0, 0) == (frame.left, frame.top)
    right, bottom = frame.to_square(columns, rows)
    assert abs(right - frame.left - frame.width) < 1e-6
    assert abs(bottom - frame.top - frame.height) < 1e-6


def _spot(rows: int, columns: int) -> Radiograph:
    """A bright block at the upper right."""
    pixels = np.zeros((rows, columns), np.float32)
    pixels[rows // 5 : rows * 3 // 10, columns * 7 // 10 : columns * 4 // 5] = 1
    return Radiograph(pixels)


def _middle_of_bright(pixels: np.ndarray, half: float) -> tuple[float, float]:
    down, across = np.argwhere(pixels > half).mean(axis=0) + 0.5
    return float(across), float(down)


@given(rows=st.integers(40, 900), columns=st.integers(40, 900))
def test_what_is_seen_lies_where_the_letterbox_says(rows: int, columns: int) -> None:
    spot = _spot(rows, columns)
    square, frame = letterbox(spot, 128)
    seen_x, seen_y = _middle_of_bright(square, 127)
    x, y = frame.to_square(*_middle_of_bright(spot.pixels, 0.5))
    assert abs(x - seen_x) <= 1
    assert abs(y - seen_y) <= 1


def test_reducing_averages_instead_of_skipping() -> None:
    """Every second column bright: taking one in eight would show all or nothing."""
    stripes = np.zeros((832, 832), np.float32)
    stripes[:, ::2] = 1
    stripes[:80], stripes[-80:] = 0, 1
    square, _ = letterbox(Radiograph(stripes), 104)
    middle = square[40:60, 20:80]
    assert 110 < middle.mean() < 145
    assert np.ptp(middle) < 12


def test_a_faint_window_gives_the_same_input_as_a_full_one() -> None:
    ramp = np.linspace(0, 1, 400, dtype=np.float32).reshape(1, 400).repeat(300, axis=0)
    full, _ = letterbox(Radiograph(ramp), 128)
    faint, _ = letterbox(Radiograph(0.4 + 0.2 * ramp), 128)
    assert np.abs(full.astype(int) - faint.astype(int)).max() <= 1
