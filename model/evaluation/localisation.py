"""How well the heatmap and its boxes point at the fractures that readers boxed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model.datasets.labelled import LabelledImage, Rectangle
from model.heatmap import Grid, find_boxes
from model.prediction import Box

# Readers' boxes are generous: a box that overlaps one this much points at the same place.
_SAME_PLACE_OVERLAP = 0.1


@dataclass(frozen=True, slots=True)
class Located:
    """A heatmap beside the image it was made for."""

    image: LabelledImage
    heatmap: Grid
    rows: int
    columns: int


def peak_in_box(located: Sequence[Located]) -> float:
    """The share of boxed images whose heatmap is highest inside a box."""
    hits = [_peak_hits(one) for one in located if one.image.boxes]
    return float(np.mean(hits)) if hits else 0.0


def _peak_hits(one: Located) -> bool:
    height, width = one.heatmap.shape
    row, column = divmod(int(one.heatmap.argmax()), width)
    x, y = (column + 0.5) * one.columns / width, (row + 0.5) * one.rows / height
    return any(x0 <= x < x1 and y0 <= y < y1 for x0, y0, x1, y1 in one.image.boxes)


def box_agreement(located: Sequence[Located], operating_point: float) -> float:
    """F1 between found and true boxes of the boxed images."""
    found = true = right = met = 0
    for one in (one for one in located if one.image.boxes):
        boxes = find_boxes(one.heatmap, one.rows, one.columns, operating_point)
        found, true = found + len(boxes), true + len(one.image.boxes)
        right += sum(any(_same_place(box, mark) for mark in one.image.boxes) for box in boxes)
        met += sum(any(_same_place(box, mark) for box in boxes) for mark in one.image.boxes)
    precision, recall = right / max(found, 1), met / max(true, 1)
    return 2 * precision * recall / max(precision + recall, 1e-9)


def _same_place(box: Box, mark: Rectangle) -> bool:
    x0, y0, x1, y1 = mark
    width = max(0.0, min(box.x1, x1) - max(box.x0, x0))
    height = max(0.0, min(box.y1, y1) - max(box.y0, y0))
    overlap = width * height
    union = (box.x1 - box.x0) * (box.y1 - box.y0) + (x1 - x0) * (y1 - y0) - overlap
    return overlap >= _SAME_PLACE_OVERLAP * union
