"""A model is withdrawn: its studies come back superseded, and archives are told what to hide."""

from collections.abc import Callable

from pydicom.uid import (
    Comprehensive3DSRStorage,
    KeyObjectSelectionDocumentStorage,
    SecondaryCaptureImageStorage,
)

from db.results import image_results
from db.session import reading, transaction
from db.withdrawal import withdraw_model
from tests.worker.dicom_files import study_of_two_views
from tests.worker.pacs import running_pacs
from tests.worker.ward import Ward
from worker.destinations import PacsDestination

OpenWard = Callable[..., Ward]
TAKES = (
    Comprehensive3DSRStorage,
    SecondaryCaptureImageStorage,
    KeyObjectSelectionDocumentStorage,
)


def test_its_studies_are_reported_again_and_its_objects_rejected_once(
    open_ward: OpenWard,
) -> None:
    with running_pacs(TAKES) as told, running_pacs(TAKES) as untold:
        ward = open_ward(
            PacsDestination("told", told.destination, rejection_notes=True),
            PacsDestination("untold", untold.destination),
        )
        ward.receive(*study_of_two_views())
        ward.run_until_quiet()
        first = [one.SOPInstanceUID for one in told.received]
        with transaction(ward.kitchen.ledger) as session:
            withdraw_model(session, ward.kitchen.card.version, "it missed wrists")
        ward.run_until_quiet()
        [note] = told.of_modality("KO")
        original, superseding = told.reports()
        assert untold.of_modality("KO") == []
    [study] = note.CurrentRequestedProcedureEvidenceSequence
    rejected = [
        item.ReferencedSOPInstanceUID
        for series in study.ReferencedSeriesSequence
        for item in series.ReferencedSOPSequence
    ]
    assert sorted(rejected) == sorted(first)
    assert note.StudyInstanceUID == original.StudyInstanceUID
    [predecessors] = superseding.PredecessorDocumentsSequence
    [series] = predecessors.ReferencedSeriesSequence
    assert series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == original.SOPInstanceUID


def test_nothing_is_analysed_with_it_any_more(open_ward: OpenWard) -> None:
    ward = open_ward()
    with transaction(ward.kitchen.ledger) as session:
        withdraw_model(session, ward.kitchen.card.version, "it missed wrists")
    ward.receive(*study_of_two_views())
    ward.run_until_quiet()
    with reading(ward.kitchen.ledger) as session:
        images = image_results(session)
    assert {image["state"] for image in images} == {"not_analysed"}
    assert all("it missed wrists" in image["reason"] for image in images)
