"""Pictures lie side by side as large as they can, each over its caption, with its boxes on it."""

from dataclasses import replace

import numpy as np
import pytest

from dicom_node.results.finding import FindingState, aggregate_study
from dicom_node.results.study_page import study_page
from dicom_node.results.thumbnails import Area, PlacedPicture, Spacing, place_pictures
from tests.dicom_node.results.page_sources import blue_pictures
from tests.dicom_node.results.report_sources import (
    ALGORITHM,
    ISSUE,
    fracture_in,
    numbered_cr,
    received,
)

AREA = Area(100.0, 50.0, 840.0, 620.0)
SPACING = Spacing(gap=40.0, caption=20.0)
LETTER = 10.0


def _placed(count: int) -> list[PlacedPicture]:
    """Pictures of 600 rows and 400 columns."""
    sources = [received(numbered_cr(number)) for number in range(1, count + 1)]
    study = aggregate_study([fracture_in(source) for source in sources], ALGORITHM)
    lines = study_page(sources, study, ISSUE).lines
    return place_pictures(lines, blue_pictures(sources), AREA, SPACING)


def _width_of(text: str) -> float:
    return LETTER * len(text)


def test_two_pictures_share_the_area() -> None:
    assert [placed.place for placed in _placed(2)] == [
        Area(100.0, 50.0, 400.0, 600.0),
        Area(540.0, 50.0, 400.0, 600.0),
    ]


def test_box_lies_where_it_does_on_the_image() -> None:
    (placed,) = _placed(1)
    half = replace(placed, place=Area(300.0, 50.0, 200.0, 300.0))
    assert half.boxes == [Area(325.0, 80.0, 50.25, 100.0)]


@pytest.mark.parametrize(
    ("place", "label", "left"),
    [
        (Area(150.0, 50.0, 300.0, 400.0), "Image 1 (series 1, instance 1)", 150.0),
        (Area(700.0, 50.0, 20.0, 400.0), "Image 1 (series 1, instance 1)", 640.0),
    ],
)
def test_caption_is_under_the_picture_with_room_for_its_words(
    place: Area, label: str, left: float
) -> None:
    (placed,) = _placed(1)
    caption = replace(placed, place=place).caption(_width_of, below=8.0)
    assert (caption.label, caption.place) == (label, Area(left, 458.0, 940.0 - left, 0))


@pytest.mark.parametrize(
    ("width", "label", "answer"),
    [
        (300.0, "Image 1 (series 1, instance 1)", "Possible fracture, 93.7 %"),
        (250.0, "Image 1", "Possible fracture, 93.7 %"),
        (240.0, "Image 1", "Possible, 93.7 %"),
        (150.0, "Image 1", "Possible"),
    ],
)
def test_caption_is_short_where_the_cell_is_narrow(width: float, label: str, answer: str) -> None:
    (placed,) = _placed(1)
    line = replace(placed.line, state=FindingState.POSSIBLE)
    narrow = replace(placed, line=line, cell=replace(placed.cell, width=width))
    caption = narrow.caption(_width_of, below=8.0)
    assert (caption.label, caption.answer) == (label, answer)


def test_caption_has_the_width_of_its_words_however_sums_are_rounded() -> None:
    (placed,) = _placed(1)
    narrow = replace(
        placed, place=Area(170.0, 50.0, 5.0, 400.0), cell=Area(154.8, 50.0, 20.1, 600.0)
    )
    caption = narrow.caption(lambda _text: 11.73, below=8.0)
    assert caption.place.width >= 11.73


def test_picture_of_few_pixels_stays_small() -> None:
    (placed,) = _placed(1)
    tiny = np.zeros((10, 10, 3), np.uint8)
    (shown,) = place_pictures([placed.line], {placed.line.sop_instance_uid: tiny}, AREA, SPACING)
    assert (shown.place.width, shown.place.height) == (40.0, 40.0)
