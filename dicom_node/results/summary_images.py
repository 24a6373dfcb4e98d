"""The images on the summary page: the annotated pictures, and a row for each image of the study."""

from collections.abc import Mapping, Sequence

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
    Spacing,
    arrange,
    boxes_on,
    fitted,
    size_of,
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
_MOST_LINES = 4
_COLUMNS = {
    "Image": 326.0,
    "Result and probability": 256.0,
    "Region, side": 172.0,
    "Type, note or reason": 350.0,
}


def draw_images(
    canvas: Canvas, page: StudyPage, pictures: Mapping[str, NDArray[np.uint8]], area: Area
) -> None:
    """The pictures take what the table leaves, within limits; what has no room is counted."""
    shown = with_pictures(page, pictures, _MOST_SHOWN)
    sentence = pictures_sentence(page, pictures, len(shown))
    rows = [_row_height(line) for line in most_urgent(page.lines, MOST_ROWS)]
    wanted = _head_height() + sum(rows) + 3 * _SENTENCE.pitch
    top = area.top
    if shown:
        height = min(max(area.height - wanted - 2 * _GAP, _LEAST_PICTURES), _MOST_PICTURES)
        place = Area(area.left, top, area.width, height)
        top = _draw_pictures(canvas, shown, pictures, place) + _GAP
    if sentence:
        top = canvas.write(sentence, Area(area.left, top, area.width, 0), _SENTENCE, 2) + 6
    _draw_table(canvas, page, Area(area.left, top, area.width, area.top + area.height - top))


def _draw_pictures(
    canvas: Canvas,
    lines: Sequence[ImageLine],
    pictures: Mapping[str, NDArray[np.uint8]],
    area: Area,
) -> float:
    """Where the last caption ends."""
    sizes = [size_of(pictures[line.sop_instance_uid]) for line in lines]
    cells = arrange(sizes, area, _SPACING)
    return max(
        _draw_picture(canvas, line, pictures[line.sop_instance_uid], cell)
        for line, cell in zip(lines, cells, strict=True)
    )


def _draw_picture(canvas: Canvas, line: ImageLine, picture: NDArray[np.uint8], cell: Area) -> float:
    size = size_of(picture)
    inside = fitted(size, cell.width, cell.height - _SPACING.caption)
    place = Area(cell.left + inside.left, cell.top, inside.width, inside.height)
    canvas.paste(thumbnail(picture, place.width, place.height), place)
    for box in boxes_on(line, size, place):
        dashed = line.state is FindingState.POSSIBLE
        canvas.frame(box, BOX_COLOURS[line.state], _BOX_WIDTH, dashed=dashed)
    under = Area(cell.left, place.top + place.height + 8, cell.width, 0)
    return _draw_caption(canvas, line, under, place.left)


def _draw_caption(canvas: Canvas, line: ImageLine, place: Area, left: float) -> float:
    """Under the picture's own left edge, unless it is too narrow for words."""
    label = line.label if width_of(line.label, _CAPTION) <= place.width else line.short_label
    longest = max(width_of(text, _CAPTION) for text in (label, line.answer))
    left = max(place.left, min(left, place.left + place.width - longest))
    under = Area(left, place.top, place.left + place.width - left, 0)
    end = canvas.write(label, under, _CAPTION)
    answer = Style(_CAPTION.height, STATE_COLOURS[line.state])
    return canvas.write(line.answer, Area(under.left, end, under.width, 0), answer)


def _draw_table(canvas: Canvas, page: StudyPage, area: Area) -> None:
    listed = fitting_lines(
        page,
        area.height - _head_height(),
        _row_height,
        lambda words: height_of(words, area.width, _LAST, _MOST_LINES),
    )
    top = _draw_row(canvas, dict.fromkeys(_COLUMNS, _HEAD), tuple(_COLUMNS), area)
    for line in listed:
        canvas.fill(Area(area.left, top, area.width, 1), _RULE)
        styles = dict.fromkeys(_COLUMNS, _CELL)
        styles["Result and probability"] = Style(_CELL.height, STATE_COLOURS[line.state])
        top = _draw_row(canvas, styles, _cells(line), Area(area.left, top, area.width, 0))
    sentence = unlisted_sentence(page, listed)
    canvas.write(sentence, Area(area.left, top + 2, area.width, 0), _LAST, _MOST_LINES)


def _draw_row(
    canvas: Canvas, styles: Mapping[str, Style], cells: Sequence[str], area: Area
) -> float:
    """Where the row ends, below its highest cell."""
    left, bottom = area.left, area.top
    for (name, width), text in zip(_COLUMNS.items(), cells, strict=True):
        place = Area(left, area.top + _PADDING, width - 14, 0)
        bottom = max(bottom, canvas.write(text, place, styles[name], _MOST_LINES))
        left += width
    return bottom + _PADDING


def _head_height() -> float:
    return _HEAD.pitch + 2 * _PADDING


def _row_height(line: ImageLine) -> float:
    heights = [
        height_of(text, width - 14, _CELL, _MOST_LINES)
        for text, width in zip(_cells(line), _COLUMNS.values(), strict=True)
    ]
    return max(heights) + 2 * _PADDING


def _cells(line: ImageLine) -> tuple[str, ...]:
    details = ". ".join(part for part in (line.kind, line.remark) if part)
    return line.label, line.answer, line.place, details
