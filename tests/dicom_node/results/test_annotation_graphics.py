"""The words of a presentation state can be read: they keep clear of the boxes and of each other."""

from itertools import combinations

import pytest
from pydicom.dataset import Dataset

from dicom_node.results.finding import BoundingBox
from tests.dicom_node.results.object_checks import reread
from tests.dicom_node.results.report_sources import fracture_in, minimal_cr, received
from tests.dicom_node.results.shown_states import state_of

_ROWS, _COLUMNS = 2500, 2048
_TOP_LEFT, _TOP_RIGHT = BoundingBox(0, 0, 300, 200, 0.9), BoundingBox(1700, 0, 2048, 90, 0.8)
_BOTTOM_LEFT = BoundingBox(0, 2400, 400, 2500, 0.7)
_NEIGHBOURS = tuple(BoundingBox(x, 1200, x + 40, 1500, 0.6) for x in (900, 950, 1000))
_EVERYTHING = BoundingBox(0, 0, _COLUMNS, _ROWS, 0.5)

Place = tuple[float, float, float, float]


def _words(boxes: tuple[BoundingBox, ...]) -> list[Place]:
    """The banner's place first, then those of the labels; in pixels."""
    source = received(minimal_cr(rows=_ROWS, columns=_COLUMNS))
    state = reread(state_of(source, fracture_in(source, boxes=boxes)))
    return [
        _place(text)
        for layer in state.GraphicAnnotationSequence
        for text in layer.TextObjectSequence
    ]


def _place(text: Dataset) -> Place:
    left, top = text.BoundingBoxTopLeftHandCorner
    right, bottom = text.BoundingBoxBottomRightHandCorner
    if text.BoundingBoxAnnotationUnits == "DISPLAY":
        return left * _COLUMNS, top * _ROWS, right * _COLUMNS, bottom * _ROWS
    return left, top, right, bottom


def _meet(one: Place, other: Place) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


@pytest.mark.parametrize(
    "boxes",
    [
        (),
        (_TOP_LEFT,),
        (_TOP_LEFT, _TOP_RIGHT),
        (_TOP_LEFT, _TOP_RIGHT, _BOTTOM_LEFT),
        _NEIGHBOURS,
        (*_NEIGHBOURS, _TOP_LEFT),
    ],
)
def test_words_keep_clear_of_boxes_and_of_each_other(boxes: tuple[BoundingBox, ...]) -> None:
    banner, *labels = _words(boxes)
    assert len(labels) == len(boxes)
    assert not any(_meet(banner, (box.x0, box.y0, box.x1, box.y1)) for box in boxes)
    assert not any(_meet(one, other) for one, other in combinations([banner, *labels], 2))


def test_words_are_where_a_reader_expects_them_if_nothing_is_there() -> None:
    banner, label = _words((BoundingBox(900, 1200, 1100, 1500, 0.6),))
    assert banner[:2] == pytest.approx((0.01 * _COLUMNS, 0.01 * _ROWS))
    assert (label[0], label[3]) == pytest.approx((900, 1200))


def test_box_around_everything_has_its_name_beside_the_words() -> None:
    banner, label = _words((_EVERYTHING,))
    assert not _meet(banner, label)
    assert 0 <= label[0] < label[2] <= _COLUMNS
    assert 0 <= label[1] < label[3] <= _ROWS
