"""The PDF page of a study: whose it is, what was found, and what stands behind it."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from dicom_node.results.finding import FindingState
from dicom_node.results.gauge import OPERATING_POINTS, beside, has_gauge, place_on
from dicom_node.results.overlay_text import Colour
from dicom_node.results.page_identity import Identity
from dicom_node.results.pdf_images import draw_images
from dicom_node.results.pdf_sheet import (
    GREY,
    INK,
    LEFT,
    STATE_COLOURS,
    TOP,
    WIDTH,
    Block,
    Sheet,
    Style,
)
from dicom_node.results.report_wording import (
    LIMITS,
    NOT_VERIFIED,
    RESEARCH_USE,
    STATE_WORDS,
    box_legend,
    percentage,
)
from dicom_node.results.study_page import StudyPage
from dicom_node.results.thumbnails import Area

TITLE = "AI fracture report (unverified)"

_BOTTOM, _GAP, _MARGIN = 287.0, 5.0, 4.0
_PANEL: Colour = (243, 245, 247)
_TRACK: Colour = (214, 218, 223)
_WARNING: Colour = (122, 74, 0)
_WARNING_PANEL: Colour = (255, 236, 196)
_LABEL, _VALUE, _SMALL = Style(7.0, GREY), Style(9.5), Style(8.0, GREY)
_NAME, _OTHER_NAME = Style(15.0), Style(12.0)
_FIELD_COLUMNS = 3
_LEGEND_PITCH = 4.6
_TINTS: dict[FindingState, Colour] = {
    FindingState.POSSIBLE: (243, 208, 140),
    FindingState.FRACTURE: (232, 140, 128),
}
_GAUGE = Area(LEFT + 104, 0, 72, 3.2)


def draw_pdf_page(
    page: StudyPage,
    identity: Identity,
    pictures: Mapping[str, NDArray[np.uint8]],
    created_at: datetime,
) -> bytes:
    """The page as a PDF file; the same bytes for the same content and fonts."""
    texts = [*identity.names, *(field.value for field in identity.fields)]
    with TemporaryDirectory() as folder:
        sheet = Sheet(texts, Path(folder), created_at)
        top = _draw_title(sheet, page)
        top = _draw_identity(sheet, identity, top)
        top = _draw_conclusion(sheet, page, top + _GAP) + _GAP
        bottom = _draw_foot(sheet, page, identity) - _GAP
        draw_images(sheet, page, pictures, Area(LEFT, top, WIDTH, bottom - top))
        return sheet.encoded(TITLE)


def _draw_title(sheet: Sheet, page: StudyPage) -> float:
    badge = Area(LEFT + 108, TOP, 74, 14)
    inside = Area(badge.left + _MARGIN, badge.top + 2, badge.width - 2 * _MARGIN, 0)
    sheet.write(Block("Search for fractures", Area(LEFT, TOP - 1, 100, 0), Style(18, INK, True)))
    sheet.write(
        Block(f"{page.model}. {page.made}.", Area(LEFT, TOP + 7.6, 104, 0), _SMALL, most_lines=2)
    )
    sheet.fill(badge, _WARNING_PANEL, corner=1.5)
    end = sheet.write(Block(NOT_VERIFIED, inside, Style(12, _WARNING, bold=True)))
    under = Area(inside.left, end, inside.width, 0)
    sheet.write(Block(RESEARCH_USE, under, Style(8, _WARNING)))
    return badge.top + badge.height + 4


def _draw_identity(sheet: Sheet, identity: Identity, top: float) -> float:
    """The panel lies under the text, so the text is measured first."""
    blocks = _name_blocks(sheet, identity, top + 3)
    blocks += _field_blocks(sheet, identity, sheet.end_of(blocks[-1]) + 2.5)
    bottom = max(map(sheet.end_of, blocks)) + 3
    sheet.fill(Area(LEFT, top, WIDTH, bottom - top), _PANEL, corner=1.5)
    for block in blocks:
        sheet.write(block)
    return bottom


def _name_blocks(sheet: Sheet, identity: Identity, top: float) -> list[Block]:
    width = WIDTH - 2 * _MARGIN
    blocks = [Block("Patient", Area(LEFT + _MARGIN, top, width, 0), _LABEL)]
    for number, name in enumerate(identity.names):
        place = Area(LEFT + _MARGIN, sheet.end_of(blocks[-1]), width, 0)
        blocks.append(Block(name, place, _OTHER_NAME if number else _NAME, most_lines=3))
    return blocks


def _field_blocks(sheet: Sheet, identity: Identity, top: float) -> list[Block]:
    """Label over value, in rows of three; a row is as high as its longest value."""
    column = (WIDTH - 2 * _MARGIN) / _FIELD_COLUMNS
    blocks: list[Block] = []
    for start in range(0, len(identity.fields), _FIELD_COLUMNS):
        row: list[Block] = []
        for number, field in enumerate(identity.fields[start : start + _FIELD_COLUMNS]):
            place = Area(LEFT + _MARGIN + number * column, top, column - 3, 0)
            row.append(Block(field.label, place, _LABEL))
            under = Area(place.left, sheet.end_of(row[-1]), place.width, 0)
            row.append(Block(field.value, under, _VALUE, most_lines=3))
        top = max(map(sheet.end_of, row)) + 2
        blocks += row
    return blocks


def _draw_conclusion(sheet: Sheet, page: StudyPage, top: float) -> float:
    """The answer in large letters, and where its probability lies between the operating points."""
    colour = STATE_COLOURS[page.state]
    left, width = LEFT + 7, (94.0 if has_gauge(page) else WIDTH - 7)
    bottom = sheet.write(
        Block(STATE_WORDS[page.state], Area(left, top, width, 0), Style(22, colour, bold=True))
    )
    if page.probability is not None:
        sure = f"Probability of fracture {percentage(page.probability)}"
        bottom = sheet.write(Block(sure, Area(left, bottom, width, 0), Style(11)))
    place = Area(left, bottom + 0.8, width, 0)
    bottom = sheet.write(Block(page.grounds, place, Style(8.5, GREY), most_lines=3)) + 1
    sheet.fill(Area(LEFT, top, 2.4, bottom - top), colour)
    if has_gauge(page):
        _draw_gauge(sheet, page, top + 1)
    return bottom


def _draw_gauge(sheet: Sheet, page: StudyPage, top: float) -> None:
    """0 to 100 %, coloured from each operating point up; the black mark is the probability."""
    heading = Area(_GAUGE.left, top, _GAUGE.width, 0)
    top = sheet.write(Block("Probability and operating points", heading, _LABEL)) + 2.6
    end = _GAUGE.left + _GAUGE.width
    sheet.fill(Area(_GAUGE.left, top, _GAUGE.width, _GAUGE.height), _TRACK)
    under = top + _GAUGE.height + 0.8
    for name, state in OPERATING_POINTS.items():
        left = place_on(_GAUGE, page.operating_points[name])
        sheet.fill(Area(left, top, end - left, _GAUGE.height), _TINTS[state])
    for row, (name, state) in enumerate(reversed(OPERATING_POINTS.items())):
        left = place_on(_GAUGE, page.operating_points[name])
        row_top = under + row * _LABEL.pitch
        sheet.line((left, top), (left, row_top + _LABEL.pitch), STATE_COLOURS[state], 0.35)
        words = f"{name} {percentage(page.operating_points[name])}"
        words_left = beside(_GAUGE, left, sheet.width_of(words, _LABEL), 1.2)
        place = Area(words_left, row_top, _GAUGE.width, 0)
        sheet.write(Block(words, place, Style(_LABEL.size_points, STATE_COLOURS[state])))
    mark = place_on(_GAUGE, page.probability or 0.0)
    sheet.fill(Area(mark - 0.5, top - 1.4, 1.0, _GAUGE.height + 2.8), INK)


def _draw_foot(sheet: Sheet, page: StudyPage, identity: Identity) -> float:
    """Written upwards from the bottom of the page; where it begins."""
    blocks = [(LIMITS, _SMALL), (identity.font_sentence, Style(8, _WARNING, bold=True))]
    top = _BOTTOM
    for text, style in blocks:
        top -= sheet.height_of(text, WIDTH, style, 3)
        sheet.write(Block(text, Area(LEFT, top, WIDTH, 0), style, most_lines=3))
    top -= 2 * _LEGEND_PITCH + 1
    _draw_legend(sheet, page, top)
    sheet.line((LEFT, top - 2.5), (LEFT + WIDTH, top - 2.5), _TRACK, 0.2)
    return top - 2.5


def _draw_legend(sheet: Sheet, page: StudyPage, top: float) -> None:
    for state, words in box_legend(page.operating_points).items():
        dashed = state is FindingState.POSSIBLE
        sheet.frame(Area(LEFT + 0.3, top + 0.4, 6, 2.8), STATE_COLOURS[state], 0.5, dashed=dashed)
        sheet.write(Block(words, Area(LEFT + 9, top, WIDTH - 9, 0), _SMALL))
        top += _LEGEND_PITCH
