"""From the network's grid of fracture logits to a heatmap and boxes over the stored image."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.letterbox import Letterbox
from model.prediction import Box

Grid = NDArray[np.float32]
# The heatmap is drawn this much coarser than the network's input: smooth at any stored size.
HEATMAP_STRIDE = 4
MAX_BOXES = 5


def image_heatmap(logits: Grid, frame: Letterbox) -> Grid:
    """Probabilities over the whole image, without the letterbox's margins."""
    return over_image(np.asarray(1 / (1 + np.exp(-logits)), np.float32), frame)


def over_image(grid: Grid, frame: Letterbox) -> Grid:
    """A grid of values over the square as a smooth map of the image alone."""
    cell = frame.side / grid.shape[-1]
    edges = (frame.left, frame.top, frame.left + frame.width, frame.top + frame.height)
    size = (max(1, frame.width // HEATMAP_STRIDE), max(1, frame.height // HEATMAP_STRIDE))
    picture = Image.fromarray(grid)
    left, top, right, bottom = (edge / cell for edge in edges)
    shown = picture.resize(size, Image.Resampling.BILINEAR, box=(left, top, right, bottom))
    return np.asarray(shown, dtype=np.float32)


def find_boxes(heatmap: Grid, rows: int, columns: int, peak_share: float) -> tuple[Box, ...]:
    """The connected places that reach this share of the peak, brightest first: its own among them.

    The image as a whole was called suspicious before: how high its peak is decides nothing here.
    """
    reached = heatmap >= peak_share * float(heatmap.max())
    boxes = [_box(heatmap, cells, rows, columns) for cells in _components(reached)]
    return tuple(sorted(boxes, key=lambda box: -box.score)[:MAX_BOXES])


def _box(heatmap: Grid, cells: NDArray[np.intp], rows: int, columns: int) -> Box:
    down, across = rows / heatmap.shape[0], columns / heatmap.shape[1]
    (top, left), (bottom, right) = cells.min(axis=0), cells.max(axis=0) + 1
    score = float(heatmap[cells[:, 0], cells[:, 1]].max())
    return Box(
        x0=round(left * across, 1),
        y0=round(top * down, 1),
        x1=round(min(right * across, columns), 1),
        y1=round(min(bottom * down, rows), 1),
        score=round(score, 4),
    )


def _components(marked: NDArray[np.bool_]) -> Iterator[NDArray[np.intp]]:
    """The cells [n, 2] of each four-connected patch."""
    left = {(int(row), int(column)) for row, column in np.argwhere(marked)}
    while left:
        patch = [left.pop()]
        for row, column in patch:  # grows while it is walked
            around = {(row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)}
            found = around & left
            left -= found
            patch.extend(sorted(found))
        yield np.array(patch)
