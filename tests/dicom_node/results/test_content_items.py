"""A content item carries what its value type needs, and its value in full."""

import pytest

from dicom_node.results import codes
from dicom_node.results.content_items import (
    ImageReference,
    Relationship,
    code_item,
    image_item,
    number_item,
)


@pytest.mark.parametrize(("value", "written"), [(2500, "2500.0"), (93.7, "93.7"), (0.15, "0.15")])
def test_number_that_fits_is_written_once(value: float, written: str) -> None:
    item = number_item(Relationship.CONTAINS, codes.CERTAINTY_OF_FINDING, value, codes.PERCENT)
    (measured,) = item.MeasuredValueSequence
    assert str(measured.NumericValue) == written
    assert "FloatingPointValue" not in measured


def test_number_that_does_not_fit_is_there_in_full() -> None:
    item = number_item(Relationship.CONTAINS, codes.CERTAINTY_OF_FINDING, 1 / 3, codes.PERCENT)
    (measured,) = item.MeasuredValueSequence
    assert len(str(measured.NumericValue)) <= 16
    assert measured.FloatingPointValue == 1 / 3


def test_frame_is_named_only_where_there_is_one() -> None:
    whole, third = (
        image_item(Relationship.CONTAINS, codes.SOURCE, ImageReference("1.2", "1.3", frame))
        for frame in (None, 3)
    )
    assert "ReferencedFrameNumber" not in whole.ReferencedSOPSequence[0]
    assert third.ReferencedSOPSequence[0].ReferencedFrameNumber == 3


def test_item_without_items_below_has_no_sequence_of_them() -> None:
    """PS3.3 Table C.17-6: Content Sequence is there only with items."""
    item = code_item(Relationship.CONTAINS, codes.FRACTURE, codes.PRESENT)
    assert "ContentSequence" not in item
