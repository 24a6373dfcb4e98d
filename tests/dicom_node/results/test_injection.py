"""Payloads in the header of an image: its report has them where they were, and in no sentence."""

from collections.abc import Iterator

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO

from dicom_node.results.finding import aggregate_study
from dicom_node.results.structured_report import build_reports
from tests.dicom_node.results.report_sources import (
    ALGORITHM,
    ISSUE,
    fracture_in,
    full_dx,
    received,
)
from tests.web.payloads import PAYLOADS

pytestmark = pytest.mark.requirement("R-DOOR-5")

TEXTS = ("StudyDescription", "SeriesDescription", "ProtocolName", "InstitutionName", "StationName")


@pytest.mark.parametrize("payload", PAYLOADS[::6])
def test_no_sentence_of_a_report_is_the_sender_s(payload: str) -> None:
    source = full_dx()
    source.PatientName = source.PatientID = source.AccessionNumber = payload.replace("\\", "/")
    for keyword in TEXTS:
        setattr(source, keyword, payload.replace("\\", "/"))
    header = received(source)
    study = aggregate_study([fracture_in(header)], ALGORITHM)
    for made in build_reports([header], study, ISSUE):
        report = dcmread(DicomBytesIO(made.encoded))
        assert report.PatientID == header.PatientID
        for text in _texts(report):
            assert payload not in text


def _texts(item: Dataset) -> Iterator[str]:
    for child in item.get("ContentSequence", []):
        for keyword in ("TextValue", "PersonName", "UID"):
            yield str(child.get(keyword, ""))
        for concept in (
            *child.get("ConceptNameCodeSequence", []),
            *child.get("ConceptCodeSequence", []),
        ):
            yield from (str(concept.CodeMeaning), str(concept.CodeValue))
        yield from _texts(child)
