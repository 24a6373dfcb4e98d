"""The summary page of a study as pixels: what was found, by whom and how surely."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from dicom_node.results.finding import FindingState
from dicom_node.results.gauge import OPERATING_POINTS, beside, has_gauge, place_on
from dicom_node.results.overlay_text import Colour
from dicom_node.results.report_wording import (
    LIMITS,
    NOT_VERIFIED,
    RESEARCH_USE,
    STATE_WORDS,
    box_legend,
    percentage,
)
from dicom_node.results.study_page import StudyPage
from dicom_node.results.summary_canvas import (
    GREY,
    GROUND,
    STATE_COLOURS,
    WHITE,
    Canvas,
    Style,
    height_of,
    width_of,
)
from dicom_node.results.summary_images import draw_images
from dicom_node.results.thumbnails import Area

COLUMNS, ROWS = 1200, 1600
_MARGIN, _GAP = 48, 28
_WIDTH = COLUMNS - 2 * _MARGIN
_BADGE: Colour = (255, 205, 92)
_ON_BADGE: Colour = (52, 34, 0)
_TRACK: Colour = (62, 68, 76)
_TINTS: dict[FindingState, Colour] = {
    FindingState.POSSIBLE: (138, 106, 32),
    FindingState.FRACTURE: (150, 56, 40),
}
_GAUGE = Area(_MARGIN + 676, 0, _WIDTH - 676, 20)
_SMALL, _LABEL = Style(21, GREY), Style(20, GREY)


def draw_summary(page: StudyPage, pictures: Mapping[str, NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """RGB [rows, columns, 3]; readable where a screen shows all of it."""
    canvas = Canvas(COLUMNS, ROWS)
    top = _draw_title(canvas, page)
    top = _draw_conclusion(canvas, page, top + _GAP + 8) + _GAP
    bottom = _draw_foot(canvas, page) - _GAP
    draw_images(canvas, page, pictures, Area(_MARGIN, top, _WIDTH, bottom - top))
    return canvas.pixels


def _draw_title(canvas: Canvas, page: StudyPage) -> float:
    badge = Area(COLUMNS - _MARGIN - 480, 40, 480, 88)
    left_width = badge.left - _MARGIN - 24
    canvas.write("Search for fractures", Area(_MARGIN, 38, left_width, 0), Style(40, WHITE, True))
    canvas.write(
        f"{page.model}. {page.made}.", Area(_MARGIN, 92, left_width, 0), Style(19, GREY), 2
    )
    canvas.fill(badge, _BADGE, corner=8)
    inside = Area(badge.left + 24, badge.top + 12, badge.width - 48, 0)
    end = canvas.write(NOT_VERIFIED, inside, Style(30, _ON_BADGE, bold=True))
    canvas.write(RESEARCH_USE, Area(inside.left, end - 2, inside.width, 0), Style(21, _ON_BADGE))
    return badge.top + badge.height


def _draw_conclusion(canvas: Canvas, page: StudyPage, top: float) -> float:
    """The answer in large letters, and where its probability lies between the operating points."""
    colour = STATE_COLOURS[page.state]
    left = _MARGIN + 36
    width = (_GAUGE.left if has_gauge(page) else COLUMNS - _MARGIN) - left - 24
    bottom = canvas.write(
        STATE_WORDS[page.state], Area(left, top - 8, width, 0), Style(66, colour, bold=True)
    )
    if page.probability is not None:
        sure = f"Probability of fracture {percentage(page.probability)}"
        bottom = canvas.write(sure, Area(left, bottom, width, 0), Style(34))
    bottom = canvas.write(page.grounds, Area(left, bottom + 4, width, 0), Style(23, GREY), 3)
    canvas.fill(Area(_MARGIN, top, 14, bottom - top), colour)
    if has_gauge(page):
        _draw_gauge(canvas, page, top)
    return bottom


def _draw_gauge(canvas: Canvas, page: StudyPage, top: float) -> None:
    """0 to 100 %, coloured from each operating point up; the white mark is the probability."""
    heading = Area(_GAUGE.left, top, _GAUGE.width, 0)
    top = canvas.write("Probability and operating points", heading, _LABEL) + 18
    end = _GAUGE.left + _GAUGE.width
    canvas.fill(Area(_GAUGE.left, top, _GAUGE.width, _GAUGE.height), _TRACK)
    for name, state in OPERATING_POINTS.items():
        left = round(place_on(_GAUGE, page.operating_points[name]))
        canvas.fill(Area(left, top, max(1.0, end - left), _GAUGE.height), _TINTS[state])
    for row, (name, state) in enumerate(reversed(OPERATING_POINTS.items())):
        left = round(place_on(_GAUGE, page.operating_points[name]))
        row_top = top + _GAUGE.height + 8 + row * _LABEL.pitch
        canvas.fill(Area(left, top, 2, row_top + _LABEL.pitch - top), STATE_COLOURS[state])
        words = f"{name} {percentage(page.operating_points[name])}"
        place = Area(beside(_GAUGE, left, width_of(words, _LABEL), 9), row_top, _GAUGE.width, 0)
        canvas.write(words, place, Style(_LABEL.height, STATE_COLOURS[state]))
    mark = round(place_on(_GAUGE, page.probability or 0.0))
    canvas.fill(Area(mark - 5, top - 10, 10, _GAUGE.height + 20), GROUND)
    canvas.fill(Area(mark - 3, top - 8, 6, _GAUGE.height + 16), WHITE)


def _draw_foot(canvas: Canvas, page: StudyPage) -> float:
    """Written upwards from the bottom of the page; where it begins."""
    top = ROWS - 36 - height_of(LIMITS, _WIDTH, _SMALL, 3)
    canvas.write(LIMITS, Area(_MARGIN, top, _WIDTH, 0), _SMALL, 3)
    legend = box_legend(page.operating_points)
    top -= len(legend) * 34 + 8
    for number, (state, words) in enumerate(legend.items()):
        line_top = top + number * 34
        dashed = state is FindingState.POSSIBLE
        canvas.frame(
            Area(_MARGIN + 3, line_top + 3, 46, 18), STATE_COLOURS[state], 3, dashed=dashed
        )
        canvas.write(words, Area(_MARGIN + 70, line_top - 1, _WIDTH - 70, 0), _SMALL)
    canvas.fill(Area(_MARGIN, top - 20, _WIDTH, 1), _TRACK)
    return top - 20
