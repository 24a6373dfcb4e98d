"""Every document of a study reads the same headers, in the same order, and no others."""

import pytest

from dicom_node.results.finding import aggregate_study
from dicom_node.results.reading_order import EvidenceMismatch, read_in_order
from tests.dicom_node.results.report_sources import ALGORITHM, nothing_in, numbered_cr

PLACES = ((1, 1), (2, 1), (10, 1), (1, 2))
SOURCES = [numbered_cr(*place) for place in PLACES]
STUDY = aggregate_study([nothing_in(source) for source in SOURCES], ALGORITHM)
KEYWORDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SeriesNumber")


def test_each_instance_is_read_once_by_number() -> None:
    shuffled = [SOURCES[place] for place in (3, 1, 0, 2, 0)]
    headers = read_in_order(shuffled, (*KEYWORDS, "InstanceNumber"), STUDY)
    assert [(header.InstanceNumber, header.SeriesNumber) for header in headers] == list(PLACES)


def test_only_what_is_asked_for_is_read() -> None:
    assert [element.keyword for element in read_in_order(SOURCES, KEYWORDS, STUDY)[0]] == [
        "SOPInstanceUID",
        "StudyInstanceUID",
        "SeriesInstanceUID",
        "SeriesNumber",
    ]


def test_header_of_an_image_without_a_finding_is_read_too() -> None:
    study = aggregate_study([nothing_in(SOURCES[0])], ALGORITHM)
    assert len(read_in_order(SOURCES, KEYWORDS, study)) == 4


@pytest.mark.parametrize("kept", [0, 3])
def test_image_without_its_header_is_refused(kept: int) -> None:
    with pytest.raises(EvidenceMismatch):
        read_in_order(SOURCES[:kept], KEYWORDS, STUDY)
