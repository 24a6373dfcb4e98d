"""The images on the summary page: the annotated pictures, and a row for each image of the study."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dicom_node.results.finding import FindingState
from dicom_node.results.overlay import BOX_COLOURS
from dicom_node.results.overlay_text import Colour
from dicom_node.results.study_page import (
    MOST_ROWS,
    ImageLine,
    StudyPage,
    fitting_lines,
    most_urgent,
    pictures_sentence,
    unlisted_sentence,
    with_pictures,
)
from dicom_node.results.summary_canvas import (
    GREY,
    STATE_COLOURS,
    WHITE,
    Canvas,
    Style,
    height_of,
    width_of,
)
from dicom_node.results.thumbnails import (
    Area,
    PlacedPicture,
    Spacing,
    place_pictures,
    thumbnail,
)

# In pixels
_GAP = 24.0
_LEAST_PICTURES, _MOST_PICTURES = 400.0, 820.0
_SPACING = Spacing(gap=24.0, caption=68.0)
_MOST_SHOWN = 6
_BOX_WIDTH = 2

_RULE: Colour = (52, 58, 66)
_SENTENCE, _LAST = Style(21, GREY), Style(21, WHITE)
_CAPTION = Style(22)
_CELL, _HEAD = Style(21), Style(19, GREY)
_PADDING = 6.0
# Of a cell: as many as it takes, within reason, where all rows have room for it.
_FEW_LINES, _MANY_LINES = 4, 12
_COLUMNS = {
    "Image": 326.0,
    "Result and probability": 264.0,
    "Region, side": 172.0,
    "Type, note or reason": 342.0,
}


def draw_images(
    canvas: Canvas, page: StudyPage, pictures: Mapping[str, NDArray[np.uint8]], area: Area
) -> None:
    """The pictures take what the table leaves, within limits; what has no room is counted."""
    shown = with_pictures(page, pictures, _MOST_SHOWN)
    sentence = pictures_sentence(page, pictures, len(shown))
    candidates = most_urgent(page.lines, MOST_ROWS)
    least = _LEAST_PICTURES + 2 * _GAP if shown else 0.0
    most_lines = _most_lines(candidates, area.height - least)
    wanted = _wanted_height(candidates, most_lines)
    top = area.top
    if shown:
        height = min(max(area.height - wanted - 2 * _GAP, _LEAST_PICTURES), _MOST_PICTURES)
        place = Area(area.left, top, area.width, height)
        placed = place_pictures(shown, pictures, place, _SPACING)
        top = max(_draw_picture(canvas, one) for one in placed) + _GAP
    if sentence:
        top = canvas.write(sentence, Area(area.left, top, area.width, 0), _SENTENCE, 2) + 6
    left = Area(area.left, top, area.width, area.top + area.height - top)
    _draw_table(canvas, page, left, most_lines)


def _most_lines(lines: Sequence[ImageLine], room: float) -> int:
    return _MANY_LINES if _wanted_height(lines, _MANY_LINES) <= room else _FEW_LINES


def _wanted_height(lines: Sequence[ImageLine], most_lines: int) -> float:
    """Of the table, and of the sentences around it."""
    rows = sum(_row_height(line, most_lines) for line in lines)
    return _head_height() + rows + 3 * _SENTENCE.pitch


def _draw_picture(canvas: Canvas, shown: PlacedPicture) -> float:
    """Where its caption ends."""
    place, line = shown.place, shown.line
    canvas.paste(thumbnail(shown.picture, place.width, place.height), place)
    for box in shown.boxes:
        dashed = line.state is FindingState.POSSIBLE
        canvas.frame(box, BOX_COLOURS[line.state], _BOX_WIDTH, dashed=dashed)
    caption = shown.caption(lambda words: width_of(words, _CAPTION), 8)
    end = canvas.write(caption.label, caption.place, _CAPTION)
    style = Style(_CAPTION.height, STATE_COLOURS[line.state])
    return canvas.write(caption.answer, replace(caption.place, top=end), style)


def _draw_table(canvas: Canvas, page: StudyPage, area: Area, most_lines: int) -> None:
    listed = fitting_lines(
        page,
        area.height - _head_height(),
        lambda line: _row_height(line, most_lines),
        lambda words: height_of(words, area.width, _LAST, _FEW_LINES),
    )
    top = _draw_row(canvas, dict.fromkeys(_COLUMNS, _HEAD), tuple(_COLUMNS), area, 1)
    for line in listed:
        canvas.fill(Area(area.left, top, area.width, 1), _RULE)
        styles = dict.fromkeys(_COLUMNS, _CELL)
        styles["Result and probability"] = Style(_CELL.height, STATE_COLOURS[line.state])
        place = Area(area.left, top, area.width, 0)
        top = _draw_row(canvas, styles, _cells(line), place, most_lines)
    sentence = unlisted_sentence(page, listed)
    canvas.write(sentence, Area(area.left, top + 2, area.width, 0), _LAST, _FEW_LINES)


def _draw_row(
    canvas: Canvas, styles: Mapping[str, Style], cells: Sequence[str], area: Area, most_lines: int
) -> float:
    """Where the row ends, below its highest cell."""
    left, bottom = area.left, area.top
    for (name, width), text in zip(_COLUMNS.items(), cells, strict=True):
        place = Area(left, area.top + _PADDING, width - 14, 0)
        bottom = max(bottom, canvas.write(text, place, styles[name], most_lines))
        left += width
    return bottom + _PADDING


def _head_height() -> float:
    return _HEAD.pitch + 2 * _PADDING


def _row_height(line: ImageLine, most_lines: int) -> float:
    heights = [
        height_of(text, width - 14, _CELL, most_lines)
        for text, width in zip(_cells(line), _COLUMNS.values(), strict=True)
    ]
    return max(heights) + 2 * _PADDING


def _cells(line: ImageLine) -> tuple[str, ...]:
    details = ". ".join(part for part in (line.kind, line.remark) if part)
    return line.label, line.answer, line.place, details
