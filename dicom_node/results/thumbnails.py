"""Pictures made small and laid out in a rectangle so that they are as large as can be."""

from collections.abc import Callable, Mapping, Sequence
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
    per_pixel: float = 1.0  # a pixel's natural length in the page's unit


@dataclass(frozen=True)
class Caption:
    """What is written under a picture, and from where on."""

    label: str
    answer: str
    place: Area


@dataclass(frozen=True)
class PlacedPicture:
    """An image's annotated picture, where it lies, and the cell it shares with its caption."""

    line: ImageLine
    picture: NDArray[np.uint8]
    place: Area
    cell: Area

    @property
    def boxes(self) -> list[Area]:
        """The image's boxes where the picture lies: a line drawn on it would be lost."""
        columns, rows = _size_of(self.picture)
        place, scale = self.place, self.place.width / columns
        return [
            Area(
                place.left + box.x0 * scale,
                place.top + box.y0 * scale,
                (box.x1 - box.x0) * scale,
                (box.y1 - box.y0) * scale,
            )
            for box in clamped_boxes(self.line.boxes, (rows, columns))
        ]

    def caption(self, width_of: Callable[[str], float], below: float) -> Caption:
        """Under the picture's own left edge if there is room for the words."""
        cell, line = self.cell, self.line
        label = line.label if width_of(line.label) <= cell.width else line.short_label
        answers = (line.answer, *line.short_answers)
        answer = next((words for words in answers if width_of(words) <= cell.width), answers[-1])
        longest = max(width_of(text) for text in (label, answer))
        left = max(cell.left, min(self.place.left, cell.left + cell.width - longest))
        top = self.place.top + self.place.height + below
        # A sum and a difference may lose what would hold the last letter.
        return Caption(
            label, answer, Area(left, top, max(longest, cell.left + cell.width - left), 0)
        )


def place_pictures(
    lines: Sequence[ImageLine],
    pictures: Mapping[str, NDArray[np.uint8]],
    area: Area,
    spacing: Spacing,
) -> list[PlacedPicture]:
    """The picture of each line, as large as all of them can be."""
    shown = [pictures[line.sop_instance_uid] for line in lines]
    cells = _arrange([_size_of(picture) for picture in shown], area, spacing)
    return [
        PlacedPicture(line, picture, _place_in(cell, picture, spacing), cell)
        for line, picture, cell in zip(lines, shown, cells, strict=True)
    ]


def _place_in(cell: Area, picture: NDArray[np.uint8], spacing: Spacing) -> Area:
    inside = _fitted(
        _size_of(picture), cell.width, cell.height - spacing.caption, spacing.per_pixel
    )
    return Area(cell.left + inside.left, cell.top, inside.width, inside.height)


def _size_of(picture: NDArray[np.uint8]) -> tuple[int, int]:
    """Width and height in pixels."""
    return picture.shape[1], picture.shape[0]


def _arrange(sizes: Sequence[tuple[int, int]], area: Area, spacing: Spacing) -> list[Area]:
    """A cell for each picture (width and height in pixels), in rows from the top left."""
    if not sizes:
        return []
    grids = [_grid(len(sizes), columns, area, spacing) for columns in range(1, len(sizes) + 1)]
    return max(grids, key=lambda grid: _shown(sizes, grid, spacing))


def _fitted(size: tuple[int, int], width: float, height: float, per_pixel: float = 1.0) -> Area:
    """Where the picture lies in a rectangle of this width and height: centred, at the top."""
    columns, rows = size
    scale = min(width / columns, height / rows, _MOST_ENLARGED * per_pixel)
    return Area((width - columns * scale) / 2, 0.0, columns * scale, rows * scale)


def thumbnail(picture: NDArray[np.uint8], width: float, height: float) -> Image.Image:
    """The picture in RGB, in about so many pixels."""
    size = max(1, round(width)), max(1, round(height))
    # Averaged by a whole factor first, which takes a third of the time and is not seen.
    return Image.fromarray(picture).resize(size, reducing_gap=1.2)


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
        place = _fitted(size, max(cell.width, 0.0), room)
        covered += place.width * place.height
    return covered
