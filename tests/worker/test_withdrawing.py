"""A model is withdrawn: its studies come back superseded, and archives are told what to hide."""

from collections.abc import Callable

from pydicom.uid import (
    Comprehensive3DSRStorage,
    KeyObjectSelectionDocumentStorage,
    SecondaryCaptureImageStorage,
)

from db.jobs import JobKind
from db.results import image_results
from db.session import reading
from db.states import ObjectKind
from model.decoding.decoder import Decoder
from model.radiograph import Radiograph
from tests.db.ledger import withdraw
from tests.worker.dicom_files import study_of_two_views
from tests.worker.pacs import running_pacs
from tests.worker.ward import Ward
from worker.destinations import PacsDestination
from worker.kitchen import Kitchen

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
        withdraw(ward.kitchen.ledger, ward.kitchen.card.version)
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
    withdraw(ward.kitchen.ledger, ward.kitchen.card.version)
    ward.receive(*study_of_two_views())
    ward.run_until_quiet()
    with reading(ward.kitchen.ledger) as session:
        images = image_results(session)
    assert {image["state"] for image in images} == {"not_analysed"}
    assert all("it missed wrists" in image["reason"] for image in images)


class WithdrawsMeanwhile(Decoder):
    """While the first image is decoded, a person withdraws the model."""

    kitchen: Kitchen

    def decode(self, encoded: bytes) -> list[Radiograph]:
        withdraw(self.kitchen.ledger, self.kitchen.card.version)
        return super().decode(encoded)


def test_what_it_says_that_was_withdrawn_while_it_looked_does_not_count(
    open_ward: OpenWard,
) -> None:
    ward = open_ward()
    decoder = WithdrawsMeanwhile(ward.kitchen.plan.decode_limits)
    decoder.kitchen, ward.kitchen.decoder = ward.kitchen, decoder
    ward.receive(study_of_two_views()[0])
    ward.run_until_quiet()
    decoder.close()
    [image] = ward.images()
    assert image["state"] == "not_analysed"
    assert "it missed wrists" in image["reason"]
    assert image["model"] is None


def test_what_it_said_and_was_not_sent_yet_is_not_sent_any_more(open_ward: OpenWard) -> None:
    with running_pacs(TAKES) as pacs:
        ward = open_ward(pacs.destination)
        ward.receive(*study_of_two_views())
        ward.run_kind(JobKind.ANALYSE)
        ward.run_kind(JobKind.REPORT)
        withdraw(ward.kitchen.ledger, ward.kitchen.card.version)
        ward.run_until_quiet()
        [report] = pacs.reports()
        assert pacs.captures() == []
    [made, superseding] = ward.made(ObjectKind.SR)
    assert report.SOPInstanceUID == superseding.SOPInstanceUID != made.SOPInstanceUID
