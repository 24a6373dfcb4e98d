"""Boxes lie over what the heatmap marks, in stored pixels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.heatmap import MAX_BOXES, Grid, find_boxes, image_heatmap
from model.letterbox import fit_letterbox

COLD = -8.0


def _heatmap(frame_rows: int, frame_columns: int, aspect: float, x: float, y: float) -> Grid:
    frame = fit_letterbox(frame_rows, frame_columns, aspect, 416)
    logits = np.full((26, 26), COLD, np.float32)
    across, down = frame.to_square(x * frame_columns, y * frame_rows)
    logits[int(down // 16), int(across // 16)] = 4
    return image_heatmap(logits, frame)


@given(
    rows=st.integers(100, 4000),
    columns=st.integers(100, 4000),
    aspect=st.sampled_from([0.5, 1.0, 2.0]),
    x=st.floats(0.02, 0.98),
    y=st.floats(0.02, 0.98),
)
def test_a_hot_cell_becomes_a_box_around_its_place(
    rows: int, columns: int, aspect: float, x: float, y: float
) -> None:
    heatmap = _heatmap(rows, columns, aspect, x, y)
    box = find_boxes(heatmap, rows, columns, 0.3)[0]
    assert 0 <= box.x0 < box.x1 <= columns
    assert 0 <= box.y0 < box.y1 <= rows
    reach = 28 / 416 * max(rows * aspect, columns)  # a cell and three quarters, in columns
    assert abs((box.x0 + box.x1) / 2 - x * columns) <= reach
    assert abs((box.y0 + box.y1) / 2 - y * rows) <= reach / aspect


def test_two_places_are_two_boxes_and_the_brighter_comes_first() -> None:
    heatmap = np.zeros((100, 80), np.float32)
    heatmap[10:20, 5:15], heatmap[60:80, 40:60] = 0.6, 0.9
    first, second = find_boxes(heatmap, rows=1000, columns=400, peak_share=0.5)
    assert (first.x0, first.y0, first.x1, first.y1) == (200, 600, 300, 800)
    assert (second.x0, second.y0, second.x1, second.y1) == (25, 100, 75, 200)
    assert first.score == pytest.approx(0.9)


def test_diagonal_neighbours_are_apart_and_bent_patches_are_whole() -> None:
    heatmap = np.zeros((8, 8), np.float32)
    heatmap[0, 0] = heatmap[1, 1] = 1
    heatmap[3:7, 3], heatmap[6, 3:7] = 1, 1
    boxes = find_boxes(heatmap, 8, 8, 0.5)
    assert len(boxes) == 3
    assert any((box.x0, box.y0, box.x1, box.y1) == (3, 3, 7, 7) for box in boxes)


def test_boxes_follow_the_peak_however_faint_and_many_are_cut_off() -> None:
    faint = np.full((20, 20), 0.001, np.float32)
    faint[5, 5], faint[5, 6], faint[9, 9] = 0.02, 0.015, 0.012
    (box,) = find_boxes(faint, 20, 20, 0.7)
    assert (box.x0, box.y0, box.x1, box.y1) == (5, 5, 7, 6)
    assert len(find_boxes(faint, 20, 20, 0.6)) == 2
    dotted = np.zeros((20, 20), np.float32)
    dotted[::4, ::4] = 0.9
    assert len(find_boxes(dotted, 20, 20, 0.7)) == MAX_BOXES


def test_the_heatmap_covers_the_image_and_not_the_margins() -> None:
    frame = fit_letterbox(400, 100, 1, 416)
    logits = np.full((26, 26), COLD, np.float32)
    logits[:, :8] = logits[:, 18:] = 5  # only in the letterbox's margins
    assert image_heatmap(logits, frame).max() < 0.01
    assert image_heatmap(logits, frame).shape == (104, 26)
