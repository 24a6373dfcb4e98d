"""Pictures made small and laid out in a rectangle so that they are as large as can be."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dicom_node.results.finding import clamped_boxes
from dicom_node.results.study_page import ImageLine

# A picture of few pixels stays a small picture.
_MOST_ENLARGED = 4.0


@dataclass(frozen=True)
class Area:
    """A rectangle of a page, in the page's own unit."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True)
class Spacing:
    """Between the cells of a grid, and under each picture for its caption."""

    gap: float
    caption: float


def size_of(picture: NDArray[np.uint8]) -> tuple[int, int]:
    """Width and height in pixels."""
    return picture.shape[1], picture.shape[0]


def arrange(sizes: Sequence[tuple[int, int]], area: Area, spacing: Spacing) -> list[Area]:
    """A cell for each picture (width and height in pixels), in rows from the top left."""
    if not sizes:
        return []
    grids = [_grid(len(sizes), columns, area, spacing) for columns in range(1, len(sizes) + 1)]
    return max(grids, key=lambda grid: _shown(sizes, grid, spacing))


def fitted(size: tuple[int, int], width: float, height: float, per_pixel: float = 1.0) -> Area:
    """Where the picture lies in a rectangle of this width and height: centred, at the top.

    `per_pixel` is a pixel's natural length in the unit of the rectangle.
    """
    columns, rows = size
    scale = min(width / columns, height / rows, _MOST_ENLARGED * per_pixel)
    return Area((width - columns * scale) / 2, 0.0, columns * scale, rows * scale)


def thumbnail(picture: NDArray[np.uint8], width: float, height: float) -> Image.Image:
    """The picture in RGB, in about so many pixels."""
    size = max(1, round(width)), max(1, round(height))
    # Averaged by a whole factor first, which takes a third of the time and is not seen.
    return Image.fromarray(picture).convert("RGB").resize(size, reducing_gap=1.2)


def boxes_on(line: ImageLine, size: tuple[int, int], place: Area) -> list[Area]:
    """The image's boxes where the picture of this size lies: a line drawn on it would be lost."""
    columns, rows = size
    scale = place.width / columns
    return [
        Area(
            place.left + box.x0 * scale,
            place.top + box.y0 * scale,
            (box.x1 - box.x0) * scale,
            (box.y1 - box.y0) * scale,
        )
        for box in clamped_boxes(line.boxes, (rows, columns))
    ]


def _grid(count: int, columns: int, area: Area, spacing: Spacing) -> list[Area]:
    rows = -(-count // columns)
    width = (area.width - (columns - 1) * spacing.gap) / columns
    height = (area.height - (rows - 1) * spacing.gap) / rows
    return [
        Area(
            area.left + (number % columns) * (width + spacing.gap),
            area.top + (number // columns) * (height + spacing.gap),
            width,
            height,
        )
        for number in range(count)
    ]


def _shown(sizes: Sequence[tuple[int, int]], cells: Sequence[Area], spacing: Spacing) -> float:
    """The area that the pictures cover."""
    covered = 0.0
    for size, cell in zip(sizes, cells, strict=True):
        room = max(cell.height - spacing.caption, 0.0)
        place = fitted(size, max(cell.width, 0.0), room)
        covered += place.width * place.height
    return covered
