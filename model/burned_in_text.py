"""Text that was written into the pixels of a radiograph: lines of letters, found by their strokes.

A letter that a machine wrote is of one grey value with sharp edges, about as high as its neighbours
and in line with them. A lead marker (R, L) was in the beam: it is alone or in twos, and as noisy as
what lies around it. Lines of at least MIN_GLYPHS such shapes are taken for text, and nothing else.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

MIN_GLYPHS = 4
_LONGEST_SIDE = 2048  # larger images are looked at in this size and in their own
_SURROUNDINGS = 12  # pixels around a stroke that it has to stand out from
# Grey values of 255: letters whose soft edges touch are parted by the higher ones.
_STANDS_OUT = (32, 80, 140)
_HEIGHTS = (6, 72)  # pixels
_WIDEST = 1.9  # of its height
_FILLED = (0.12, 0.95)  # of its box: a stroke is neither a hairline nor a patch
_SAME_VALUE = 7  # grey values that lossy compression or soft edges may add
# So much of a stroke is of one value: of small letters less, which are all edge.
_UNIFORM, _UNIFORM_SMALL, _SMALL_HEIGHT = 0.65, 0.3, 16
_MOST_RUNS = 200_000  # more are noise or texture, not letters


@dataclass(frozen=True)
class Glyph:
    """A shape like a letter; far edges are exclusive, `value` is its grey value of 255."""

    x0: int
    y0: int
    x1: int
    y1: int
    value: int

    @property
    def height(self) -> int:
        return self.y1 - self.y0


@dataclass(frozen=True)
class TextLine:
    """Where a line of text may be, in pixels of the image, and how many letters it has."""

    x0: int
    y0: int
    x1: int
    y1: int
    glyphs: int


def find_text(pixels: NDArray[np.generic]) -> list[TextLine]:
    """The lines of text that may be in an image [rows, columns] of any whole numbers."""
    image = _in_8_bits(pixels)
    found = list(_lines_of(image, 1.0))
    longest = max(image.size)
    if longest > _LONGEST_SIDE:
        scale = longest / _LONGEST_SIDE
        size = (max(1, round(image.width / scale)), max(1, round(image.height / scale)))
        found += _lines_of(image.resize(size, Image.Resampling.BOX), scale)
    return found


def _in_8_bits(pixels: NDArray[np.generic]) -> Image.Image:
    """The whole range of values: what is written is at one of its ends, or within it."""
    values = pixels.astype(np.float32)
    low, high = float(values.min()), float(values.max())
    scaled = (values - low) * (255.0 / max(high - low, 1.0))
    return Image.fromarray(scaled.astype(np.uint8))


def _lines_of(image: Image.Image, scale: float) -> Iterator[TextLine]:
    """Text that runs across, and text that runs up or down."""
    upright = np.asarray(image, np.int16)
    around = np.asarray(image.filter(ImageFilter.BoxBlur(_SURROUNDINGS)), np.int16)
    for sign, least, is_turned in product((1, -1), _STANDS_OUT, (False, True)):
        mask = sign * (upright - around) > least
        glyphs = _glyphs(*(mask.T, upright.T) if is_turned else (mask, upright))
        for line in _chains(glyphs):
            yield _as_line(line, scale, is_turned)


def _glyphs(mask: NDArray[np.bool_], values: NDArray[np.int16]) -> list[Glyph]:
    return [
        Glyph(x0, y0, x1, y1, value)
        for x0, y0, x1, y1 in _boxes(mask)
        if _HEIGHTS[0] <= y1 - y0 <= _HEIGHTS[1] and x1 - x0 <= _WIDEST * (y1 - y0)
        for value in _value_of_stroke(mask[y0:y1, x0:x1], values[y0:y1, x0:x1])
    ]


def _value_of_stroke(mask: NDArray[np.bool_], values: NDArray[np.int16]) -> Iterator[int]:
    """The grey value that most of it is of; nothing where it is no stroke of one value."""
    filled = mask.mean()
    if not _FILLED[0] <= filled <= _FILLED[1]:
        return
    counts = np.bincount(values[mask], minlength=256)
    value = int(counts.argmax())
    near = counts[max(0, value - _SAME_VALUE) : value + _SAME_VALUE + 1].sum()
    least = _UNIFORM_SMALL if mask.shape[0] <= _SMALL_HEIGHT else _UNIFORM
    if near >= least * counts.sum():
        yield value


def _boxes(mask: NDArray[np.bool_]) -> list[tuple[int, int, int, int]]:
    """The box of each connected shape, by the runs of its rows."""
    edges = np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, begins = np.nonzero(edges == 1)
    ends = np.nonzero(edges == -1)[1]
    if len(rows) > _MOST_RUNS:
        return []
    parents = _joined(rows.tolist(), begins.tolist(), ends.tolist())
    boxes: dict[int, list[int]] = {}
    for run, (row, begin, end) in enumerate(
        zip(rows.tolist(), begins.tolist(), ends.tolist(), strict=True)
    ):
        box = boxes.setdefault(_root(parents, run), [begin, row, end, row + 1])
        box[0], box[2], box[3] = min(box[0], begin), max(box[2], end), row + 1
    return [(x0, y0, x1, y1) for x0, y0, x1, y1 in boxes.values()]


def _joined(rows: list[int], begins: list[int], ends: list[int]) -> list[int]:
    """Runs that touch those of the row above, corners included, belong together."""
    parents = list(range(len(rows)))
    above = 0
    for run, row in enumerate(rows):
        while above < run and (
            rows[above] < row - 1 or (rows[above] == row - 1 and ends[above] < begins[run])
        ):
            above += 1
        other = above
        while other < run and rows[other] == row - 1 and begins[other] <= ends[run]:
            parents[_root(parents, run)] = _root(parents, other)
            other += 1
    return parents


def _root(parents: list[int], run: int) -> int:
    while parents[run] != run:
        parents[run] = parents[parents[run]]
        run = parents[run]
    return run


def _chains(glyphs: Iterable[Glyph]) -> Iterator[list[Glyph]]:
    """Letters next to each other, of about one height and value, on one line."""
    lines: list[list[Glyph]] = []
    for glyph in sorted(glyphs, key=lambda one: one.x0):
        near = [line for line in lines if _goes_on(line[-1], glyph)]
        if near:
            max(near, key=lambda line: line[-1].x1).append(glyph)
        else:
            lines.append([glyph])
    return (line for line in lines if len(line) >= MIN_GLYPHS)


def _goes_on(last: Glyph, glyph: Glyph) -> bool:
    tall, small = max(last.height, glyph.height), min(last.height, glyph.height)
    shared = min(last.y1, glyph.y1) - max(last.y0, glyph.y0)
    gap = glyph.x0 - last.x1
    return (
        tall <= 1.9 * small
        and shared >= 0.5 * small
        and -0.3 * tall <= gap <= 1.5 * tall
        and abs(last.value - glyph.value) <= 2 * _SAME_VALUE
    )


def _as_line(line: list[Glyph], scale: float, is_turned: bool) -> TextLine:
    corners = (
        min(one.x0 for one in line),
        min(one.y0 for one in line),
        max(one.x1 for one in line),
        max(one.y1 for one in line),
    )
    x0, y0, x1, y1 = (round(edge * scale) for edge in corners)
    return TextLine(*((y0, x0, y1, x1) if is_turned else (x0, y0, x1, y1)), len(line))
