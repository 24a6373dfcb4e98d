"""The images on the PDF page: the annotated pictures, and a row for each image of the study."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dicom_node.results.finding import FindingState
from dicom_node.results.overlay import BOX_COLOURS
from dicom_node.results.overlay_text import Colour
from dicom_node.results.pdf_sheet import GREY, INK, STATE_COLOURS, Block, Sheet, Style
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
from dicom_node.results.thumbnails import (
    Area,
    PlacedPicture,
    Spacing,
    place_pictures,
    thumbnail,
)

# In mm
_GAP = 4.0
_LEAST_PICTURES, _MOST_PICTURES = 62.0, 135.0
_PIXELS_PER_MM = 7.0
_SPACING = Spacing(gap=4.0, caption=9.0, per_pixel=1 / _PIXELS_PER_MM)
_MOST_SHOWN = 6
_BOX_WIDTH = 0.35

_RULE: Colour = (206, 211, 217)
_SENTENCE = Style(8.0, GREY)
_CAPTION = Style(8.0, INK, bold=True)
_LAST = Style(8.0, INK, bold=True)
_CELL, _HEAD = Style(8.0), Style(7.5, GREY, bold=True)
_PADDING = 0.9
# Of a cell: as many as it takes, within reason, where all rows have room for it.
_FEW_LINES, _MANY_LINES = 4, 12
_COLUMNS = {
    "Image": 43.0,
    "Result and probability": 38.0,
    "Region, side": 24.0,
    "Type, severity": 37.0,
    "Note or reason": 40.0,
}


def draw_images(
    sheet: Sheet, page: StudyPage, pictures: Mapping[str, NDArray[np.uint8]], area: Area
) -> None:
    """The pictures take what the table leaves, within limits; what has no room is counted."""
    shown = with_pictures(page, pictures, _MOST_SHOWN)
    sentence = pictures_sentence(page, pictures, len(shown))
    candidates = most_urgent(page.lines, MOST_ROWS)
    least = _LEAST_PICTURES + 2 * _GAP if shown else 0.0
    most_lines = _most_lines(sheet, candidates, area.height - least)
    wanted = _wanted_height(sheet, candidates, most_lines)
    top = area.top
    if shown:
        height = min(max(area.height - wanted - 2 * _GAP, _LEAST_PICTURES), _MOST_PICTURES)
        place = Area(area.left, top, area.width, height)
        placed = place_pictures(shown, pictures, place, _SPACING)
        top = max(_draw_picture(sheet, one) for one in placed) + _GAP
    if sentence:
        place = Area(area.left, top, area.width, 0)
        top = sheet.write(Block(sentence, place, _SENTENCE, most_lines=2)) + 1
    left = Area(area.left, top, area.width, area.top + area.height - top)
    _draw_table(sheet, page, left, most_lines)


def _most_lines(sheet: Sheet, lines: Sequence[ImageLine], room: float) -> int:
    return _MANY_LINES if _wanted_height(sheet, lines, _MANY_LINES) <= room else _FEW_LINES


def _wanted_height(sheet: Sheet, lines: Sequence[ImageLine], most_lines: int) -> float:
    """Of the table, and of the sentences around it."""
    rows = sum(_row_height(sheet, line, most_lines) for line in lines)
    return _head_height() + rows + 2 * _SENTENCE.pitch


def _draw_picture(sheet: Sheet, shown: PlacedPicture) -> float:
    """Where its caption ends."""
    place, line = shown.place, shown.line
    width, height = place.width * _PIXELS_PER_MM, place.height * _PIXELS_PER_MM
    sheet.picture(thumbnail(shown.picture, width, height), place)
    for box in shown.boxes:
        dashed = line.state is FindingState.POSSIBLE
        sheet.frame(box, BOX_COLOURS[line.state], _BOX_WIDTH, dashed=dashed)
    caption = shown.caption(lambda words: sheet.width_of(words, _CAPTION), 0.8)
    end = sheet.write(Block(caption.label, caption.place, _CAPTION))
    style = Style(_CAPTION.size_points, STATE_COLOURS[line.state])
    return sheet.write(Block(caption.answer, replace(caption.place, top=end), style))


def _draw_table(sheet: Sheet, page: StudyPage, area: Area, most_lines: int) -> None:
    listed = fitting_lines(
        page,
        area.height - _head_height(),
        lambda line: _row_height(sheet, line, most_lines),
        lambda words: sheet.height_of(words, area.width, _LAST, _FEW_LINES),
    )
    top = _draw_row(sheet, dict.fromkeys(_COLUMNS, _HEAD), tuple(_COLUMNS), area, 1)
    for line in listed:
        sheet.line((area.left, top), (area.left + area.width, top), _RULE, 0.2)
        styles = dict.fromkeys(_COLUMNS, _CELL)
        styles["Result and probability"] = Style(8.0, STATE_COLOURS[line.state], bold=True)
        place = Area(area.left, top, area.width, 0)
        top = _draw_row(sheet, styles, _cells(line), place, most_lines)
    sentence = unlisted_sentence(page, listed)
    place = Area(area.left, top + 0.5, area.width, 0)
    sheet.write(Block(sentence, place, _LAST, most_lines=_FEW_LINES))


def _draw_row(
    sheet: Sheet, styles: Mapping[str, Style], cells: Sequence[str], area: Area, most_lines: int
) -> float:
    """Where the row ends, below its highest cell."""
    left, bottom = area.left, area.top + _PADDING
    for (name, width), text in zip(_COLUMNS.items(), cells, strict=True):
        place = Area(left, area.top + _PADDING, width - 2, 0)
        bottom = max(bottom, sheet.write(Block(text, place, styles[name], most_lines)))
        left += width
    return bottom + _PADDING


def _head_height() -> float:
    return _HEAD.pitch + 2 * _PADDING


def _row_height(sheet: Sheet, line: ImageLine, most_lines: int) -> float:
    heights = [
        sheet.height_of(text, width - 2, _CELL, most_lines)
        for text, width in zip(_cells(line), _COLUMNS.values(), strict=True)
    ]
    return max(heights) + 2 * _PADDING


def _cells(line: ImageLine) -> tuple[str, ...]:
    return line.label, line.answer, line.place, line.kind, line.remark
