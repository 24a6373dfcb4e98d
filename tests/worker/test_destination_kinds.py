"""One report, told to every kind of destination as each understands it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import hl7
import pytest
from pydicom.uid import (
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    EncapsulatedPDFStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    KeyObjectSelectionDocumentStorage,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
)

from db.jobs import JobKind
from db.results import delivery_results
from db.session import reading
from db.states import ObjectKind
from dicom_node.ladder import Wishes
from dicom_node.results.result_object import ResultKind
from messages.fhir_push import FhirDestination
from tests.end_to_end.viewers import conformance_errors
from tests.messages.fhir_server import fhir_server
from tests.messages.receivers import python_hl7_receiver
from tests.worker.dicom_files import study_of_two_views
from tests.worker.pacs import Pacs, running_pacs
from tests.worker.ward import Ward
from worker.destinations import FhirServer, Hl7Receiver, PacsDestination

OpenWard = Callable[..., Ward]

EVERYTHING = (
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    SecondaryCaptureImageStorage,
    EncapsulatedPDFStorage,
    KeyObjectSelectionDocumentStorage,
    SegmentationStorage,
)
REPORT_AND_STATES = {"SR": 1, "PR": 2}


def _modalities(pacs: Pacs) -> dict[str, int]:
    names = [one.Modality for one in pacs.received]
    return {name: names.count(name) for name in names}


def _deliveries(ward: Ward) -> list[dict[str, Any]]:
    with reading(ward.kitchen.ledger) as session:
        return delivery_results(session)


@pytest.mark.parametrize(
    ("accepts", "got", "rung"),
    [
        (EVERYTHING, REPORT_AND_STATES, "Comprehensive 3D SR + presentation states"),
        (
            EVERYTHING[1:4],
            REPORT_AND_STATES,
            "Comprehensive SR + presentation states",
        ),
        (
            (ComprehensiveSRStorage, SecondaryCaptureImageStorage),
            {"SR": 1, "OT": 3},
            "Comprehensive SR + secondary captures + a summary page",
        ),
        (
            (SecondaryCaptureImageStorage,),
            {"OT": 3},
            "secondary captures + a summary page",
        ),
    ],
)
def test_what_a_pacs_accepts_decides_what_it_gets(
    open_ward: OpenWard, accepts: tuple[str, ...], got: dict[str, int], rung: str
) -> None:
    with running_pacs(accepts) as pacs:
        ward = open_ward(pacs.destination)
        ward.receive(*study_of_two_views())
        ward.run_until_quiet()
        assert _modalities(pacs) == got
    [told] = _deliveries(ward)
    assert (told["rung"], told["state"], told["objects"]) == (rung, "sent", len(pacs.received))
    assert "accept" in told["why"]


def test_a_pacs_gets_what_it_asked_for_besides(open_ward: OpenWard, tmp_path: Path) -> None:
    asked = frozenset({ResultKind.PDF, ResultKind.KOS, ResultKind.SEG, ResultKind.SUMMARY})
    with running_pacs(EVERYTHING) as wanting, running_pacs(EVERYTHING) as plain:
        ward = open_ward(
            PacsDestination("wanting", wanting.destination, Wishes(asked, True)),
            PacsDestination("plain", plain.destination),
        )
        ward.receive(*study_of_two_views())
        ward.run_until_quiet()
        assert _modalities(plain) == REPORT_AND_STATES
        more = {"DOC": 1, "KO": 1, "SEG": 2, "OT": 1}
        assert _modalities(wanting) == REPORT_AND_STATES | more
    series = {one.SeriesInstanceUID for one in wanting.received}
    assert len(series) == len({one.SeriesNumber for one in wanting.received}) == 6
    for one in wanting.received:
        path = tmp_path / f"{one.SOPInstanceUID}.dcm"
        one.save_as(path, enforce_file_format=True)
        assert conformance_errors(path) == [], one.Modality


def test_an_hl7_receiver_gets_one_message_for_each_revision(open_ward: OpenWard) -> None:
    first, late = study_of_two_views()
    with python_hl7_receiver() as (address, received):
        ward = open_ward(Hl7Receiver("ris", address, "RIS", "WARD", with_pdf=True))
        ward.receive(first)
        ward.run_until_quiet()
        ward.receive(late)
        ward.run_until_quiet()
        one, other = (hl7.parse(received.get(timeout=5)) for _ in range(2))
    assert str(one["MSH"][0][5]) == "RIS"
    assert str(one["OBR"][0][18]) == str(first.AccessionNumber)
    assert "JVBERi0" in str(one), "the PDF goes along"
    assert str(one["MSH"][0][10]) != str(other["MSH"][0][10])
    assert {row["state"] for row in _deliveries(ward)} == {"sent"}
    assert not ward.kitchen.plan.destinations[0].prove


def test_a_receiver_that_was_away_gets_the_newest_revision_alone(open_ward: OpenWard) -> None:
    first, late = study_of_two_views()
    with python_hl7_receiver() as (address, received):
        ward = open_ward(Hl7Receiver("ris", address))
        for image in (first, late):
            ward.receive(image)
            ward.run_kind(JobKind.ANALYSE)
            ward.run_kind(JobKind.REPORT)
        ward.run_until_quiet()
        only = hl7.parse(received.get(timeout=5))
        assert received.empty()
    assert "Revision 2 of this report" in str(only)
    assert [row["state"] for row in _deliveries(ward)] == ["superseded", "sent"]


def test_a_fhir_server_gets_a_transaction_it_finds_valid(open_ward: OpenWard) -> None:
    study = study_of_two_views()
    with fhir_server() as server:
        ward = open_ward(FhirServer("fhir", FhirDestination(server.base_url), with_pdf=True))
        ward.receive(*study)
        ward.run_until_quiet()
        [report] = server.search("DiagnosticReport")
        observations = server.search("Observation")
    assert report["status"] == "preliminary"
    assert report["presentedForm"][0]["contentType"] == "application/pdf"
    assert len(observations) == 1 + len(study)
    [row] = _deliveries(ward)
    assert (row["state"], row["rung"]) == ("sent", "FHIR R4 transaction")


def test_objects_for_one_kind_of_destination_are_not_made_for_another(
    open_ward: OpenWard,
) -> None:
    with fhir_server() as server:
        ward = open_ward(FhirServer("fhir", FhirDestination(server.base_url)))
        ward.receive(*study_of_two_views())
        ward.run_until_quiet()
    [row] = _deliveries(ward)
    assert row["objects"] == 1
    assert ward.made(ObjectKind.PDF) == ward.made(ObjectKind.SUMMARY) == []


def test_an_image_that_could_not_be_assessed_is_seen_where_presentation_states_go(
    open_ward: OpenWard,
) -> None:
    first, late = study_of_two_views()
    late.BodyPartExamined = "SKULL"
    with running_pacs(EVERYTHING) as pacs:
        ward = open_ward(PacsDestination("pacs", pacs.destination, prove=False))
        ward.receive(first)
        ward.run_until_quiet()
        assert pacs.summaries() == []
        ward.receive(late)
        ward.run_until_quiet()
        assert len(pacs.summaries()) == 1
    told = _deliveries(ward)[-1]
    assert told["why"].endswith("a summary page besides: an image was not assessed")
