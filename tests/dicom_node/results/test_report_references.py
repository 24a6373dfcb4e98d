"""A report names each document and request it refers to once, in its place."""

import pytest

from dicom_node.results.report_references import (
    evidence_reference,
    fulfilled_requests,
    predecessor_reference,
)
from dicom_node.results.result_object import Predecessor
from tests.dicom_node.results.report_sources import full_dx, minimal_cr, numbered_cr

pytestmark = pytest.mark.requirement("R-SEND-2")

_SR = "1.2.840.10008.5.1.4.1.1.88.34"


def test_predecessors_of_several_series_are_named_by_series() -> None:
    before = [Predecessor(_SR, f"1.2.{one}", series) for one, series in ((1, "9"), (2, "8"))]
    named = predecessor_reference("1.2.840", [*before, Predecessor(_SR, "1.2.3", "9")])
    instances = {
        series.SeriesInstanceUID: [
            instance.ReferencedSOPInstanceUID for instance in series.ReferencedSOPSequence
        ]
        for series in named.ReferencedSeriesSequence
    }
    assert named.StudyInstanceUID == "1.2.840"
    assert instances == {"9": ["1.2.1", "1.2.3"], "8": ["1.2.2"]}


def test_evidence_is_everything_received_analysed_or_not() -> None:
    headers = [numbered_cr(1, 1), numbered_cr(2, 1), numbered_cr(1, 2)]
    study = evidence_reference(headers)
    assert [len(series.ReferencedSOPSequence) for series in study.ReferencedSeriesSequence] == [
        2,
        1,
    ]


def test_image_without_a_request_answers_its_accession_number() -> None:
    header = minimal_cr()
    header.AccessionNumber = "ACC-9"
    (request,) = fulfilled_requests([header])
    assert request.AccessionNumber == "ACC-9"
    assert request.RequestedProcedureID is None
    assert list(request.RequestedProcedureCodeSequence) == []


def test_request_without_an_accession_number_has_the_study_s() -> None:
    header = full_dx()
    del header.RequestAttributesSequence[0].AccessionNumber
    (request,) = fulfilled_requests([header])
    assert (request.AccessionNumber, request.RequestedProcedureID) == ("ACC-123", "RP-1")


def test_images_of_two_requests_answer_both() -> None:
    first, second = full_dx(), full_dx()
    second.RequestAttributesSequence[0].RequestedProcedureID = "RP-2"
    requests = list(fulfilled_requests([first, second, first]))
    assert [request.RequestedProcedureID for request in requests] == ["RP-1", "RP-2"]
