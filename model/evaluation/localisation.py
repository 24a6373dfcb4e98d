"""How well the heatmap and its boxes point at the fractures that readers boxed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.datasets.labelled import LabelledImage, Rectangle
from model.evaluation.measured import Measured
from model.heatmap import Grid, find_boxes
from model.prediction import Box

# Readers' boxes are generous: a box that overlaps one this much points at the same place.
SAME_PLACE_OVERLAP = 0.1
MOST_PEAKS = 10
_LOWEST_PEAK = 0.01
# Peaks nearer to each other than this share of the heatmap's longer side are one place.
_ONE_PLACE_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Located:
    """A heatmap beside the image it was made for."""

    image: LabelledImage
    heatmap: Grid
    rows: int
    columns: int


def located(measured: Sequence[Measured]) -> list[Located]:
    """The heatmaps that were kept, with their images."""
    return [
        Located(one.image, one.heatmap, one.rows, one.columns)
        for one in measured
        if one.heatmap is not None
    ]


def hits(mark: Box, true: Rectangle) -> bool:
    """Whether a mark points at a reader's box: its centre lies inside, or they overlap enough."""
    x, y = (mark.x0 + mark.x1) / 2, (mark.y0 + mark.y1) / 2
    inside = true[0] <= x < true[2] and true[1] <= y < true[3]
    return inside or _overlap(mark, true) >= SAME_PLACE_OVERLAP


def _overlap(mark: Box, true: Rectangle) -> float:
    """Intersection over union."""
    x0, y0, x1, y1 = true
    width = max(0.0, min(mark.x1, x1) - max(mark.x0, x0))
    height = max(0.0, min(mark.y1, y1) - max(mark.y0, y0))
    common = width * height
    union = (mark.x1 - mark.x0) * (mark.y1 - mark.y0) + (x1 - x0) * (y1 - y0) - common
    return common / union if union > 0 else 0.0


def find_peaks(heatmap: Grid, rows: int, columns: int) -> tuple[Box, ...]:
    """Where the heatmap is highest, as boxes of one cell, the highest first; at least one."""
    down, across = rows / heatmap.shape[0], columns / heatmap.shape[1]
    return tuple(
        Box(
            x0=column * across,
            y0=row * down,
            x1=(column + 1) * across,
            y1=(row + 1) * down,
            score=round(float(heatmap[row, column]), 4),
        )
        for row, column in _peak_cells(heatmap)
    )


def _peak_cells(heatmap: Grid) -> list[tuple[int, int]]:
    reach = max(1, round(_ONE_PLACE_SHARE * max(heatmap.shape)))
    kept: list[tuple[int, int]] = []
    for row, column in _summits(heatmap, reach):
        if len(kept) == MOST_PEAKS or (kept and heatmap[row, column] < _LOWEST_PEAK):
            break
        if all(max(abs(row - r), abs(column - c)) > reach for r, c in kept):
            kept.append((row, column))
    return kept


def _summits(heatmap: Grid, reach: int) -> Iterator[tuple[int, int]]:
    """Cells that nothing within reach exceeds, highest first."""
    from scipy.ndimage import maximum_filter

    highest: NDArray[np.float32] = maximum_filter(heatmap, size=2 * reach + 1, mode="nearest")
    cells = np.argwhere(heatmap >= highest)
    order = np.argsort(-heatmap[cells[:, 0], cells[:, 1]], kind="stable")
    yield from ((int(row), int(column)) for row, column in cells[order])


def box_agreement(located: Sequence[Located], peak_share: float) -> float:
    """F1 between found and true boxes of the boxed images."""
    found = true = right = met = 0
    for one in (one for one in located if one.image.boxes):
        boxes = find_boxes(one.heatmap, one.rows, one.columns, peak_share)
        found, true = found + len(boxes), true + len(one.image.boxes)
        right += sum(any(hits(box, mark) for mark in one.image.boxes) for box in boxes)
        met += sum(any(hits(box, mark) for box in boxes) for mark in one.image.boxes)
    precision, recall = right / max(found, 1), met / max(true, 1)
    return 2 * precision * recall / max(precision + recall, 1e-9)
