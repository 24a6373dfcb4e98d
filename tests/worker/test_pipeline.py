"""The story of a study, step by step: from C-STORE in to C-STORE out, without broker or beat."""

import socket
from collections.abc import Callable

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    ComprehensiveSRStorage,
    EncapsulatedPDFStorage,
    SecondaryCaptureImageStorage,
)

from db.job_list import requeue_jobs
from db.jobs import JobKind, JobState, claim_job
from db.reports import open_report
from db.results import delivery_results
from db.session import reading, transaction
from db.states import DeliveryState, ObjectKind
from db.tables import Delivery, Job, Report, ResultObject
from dicom_node.peer import Destination
from dicom_node.results.report_text import report_lines
from tests.servers import free_port
from tests.worker.dicom_files import multi_frame, study_of_two_views
from tests.worker.pacs import running_pacs
from tests.worker.ward import Ward
from worker.reporting import make_report

OpenWard = Callable[..., Ward]
NOWHERE = Destination("NOWHERE", "127.0.0.1", 1)


def _text(report: Dataset) -> str:
    return "\n".join(report_lines(report))


def _evidence(report: Dataset) -> set[str]:
    return {
        item.ReferencedSOPInstanceUID
        for study in report.CurrentRequestedProcedureEvidenceSequence
        for series in study.ReferencedSeriesSequence
        for item in series.ReferencedSOPSequence
    }


def test_a_study_comes_back_as_one_report_and_a_capture_of_each_image(open_ward: OpenWard) -> None:
    study = study_of_two_views()
    with running_pacs() as pacs:
        ward = open_ward(pacs.destination)
        ward.receive(*study)
        ward.run_until_quiet()
        [report], captures = pacs.reports(), pacs.captures()
    assert _evidence(report) == {one.SOPInstanceUID for one in study}
    assert len(captures) == len(study)
    assert {one.StudyInstanceUID for one in pacs.received} == {study[0].StudyInstanceUID}
    assert {str(one.PatientID) for one in pacs.received} == {study[0].PatientID}
    row = ward.study()
    assert (row["state"], row["report_revision"], row["images_analysed"]) == ("delivered", 1, 2)
    for image in ward.images():
        times = [
            image[f"{stage}_at"] for stage in ("received", "analysed", "reported", "delivered")
        ]
        assert times == sorted(times)
        assert 0 <= image["probability"] <= 1
        assert image["reason"] is None
    assert not ward.jobs(JobKind.DELIVER, JobState.WAITING, JobState.RUNNING, JobState.DEAD)


@pytest.mark.requirement("R-DOOR-5")
def test_no_address_in_an_image_is_called(open_ward: OpenWard) -> None:
    """Who is called stands in the settings alone, whatever a header says of where more is."""
    with socket.create_server(("127.0.0.1", 0)) as elsewhere, running_pacs() as pacs:
        elsewhere.settimeout(0)
        host, port = elsewhere.getsockname()
        url = f"http://{host}:{port}/"
        images = study_of_two_views()
        for image in images:
            image.RetrieveURL = image.RetrieveURI = image.PixelDataProviderURL = url
            image.RetrieveAETitle = image.StationAETitle = "ELSEWHERE"
            image.InstitutionName = image.PatientComments = f'<img src="{url}">'
        ward = open_ward(pacs.destination)
        ward.receive(*images)
        ward.run_until_quiet()
        assert len(pacs.reports()) == 1
        with pytest.raises(BlockingIOError):
            elsewhere.accept()


@pytest.mark.requirement("R-SEND-1")
def test_what_is_sent_are_the_bytes_that_were_kept(open_ward: OpenWard) -> None:
    with running_pacs() as pacs:
        ward = open_ward(pacs.destination)
        ward.receive(*study_of_two_views())
        ward.run_until_quiet()
    kept = {row.sop_instance_uid: row.spool_key for row in ward.rows(ResultObject)}
    for uid, sent in pacs.contents.items():
        assert ward.content(kept[uid]).endswith(sent)


def test_a_late_image_makes_a_revision_that_names_the_report_before_it(open_ward: OpenWard) -> None:
    first, late = study_of_two_views()
    with running_pacs() as pacs:
        ward = open_ward(pacs.destination)
        ward.receive(first)
        ward.run_until_quiet()
        ward.receive(late)
        ward.run_until_quiet()
        original, revised = pacs.reports()
        captures = pacs.captures()
    [predecessors] = revised.PredecessorDocumentsSequence
    [series] = predecessors.ReferencedSeriesSequence
    named = {item.ReferencedSOPInstanceUID for item in series.ReferencedSOPSequence}
    assert original.SOPInstanceUID in named
    assert "PredecessorDocumentsSequence" not in original
    assert original.SOPInstanceUID != revised.SOPInstanceUID
    assert _evidence(revised) == {first.SOPInstanceUID, late.SOPInstanceUID}
    assert [row.revision for row in ward.rows(Report)] == [1, 2]
    # Each image's capture goes out once, with the revision that first has the image.
    assert len({one.SOPInstanceUID for one in captures}) == len(captures) == 2


def test_an_image_that_is_sent_twice_changes_nothing(open_ward: OpenWard) -> None:
    study = study_of_two_views()
    with running_pacs() as pacs:
        ward = open_ward(pacs.destination)
        ward.receive(*study)
        ward.run_until_quiet()
        ward.receive(*study)
        ward.run_until_quiet()
        assert len(pacs.reports()) == 1


@pytest.mark.requirement("R-SEND-1")
def test_a_report_that_is_made_again_after_a_kill_has_the_same_bytes(open_ward: OpenWard) -> None:
    ward = open_ward(NOWHERE)
    ward.receive(*study_of_two_views())
    ward.run_kind(JobKind.ANALYSE)
    ward.run_kind(JobKind.ANALYSE)  # nothing is left, and the study settles
    [job] = ward.jobs(JobKind.REPORT)
    with transaction(ward.kitchen.ledger) as session:
        claim = claim_job(session, job.job_id, lease_seconds=60)
        assert claim is not None
        subject = open_report(session, claim)
    killed = make_report(ward.kitchen, subject)  # in the spool, and then no commit
    ward.let_time_pass()
    ward.run_until_quiet()
    written = {row.sop_instance_uid: row.sha256 for row in ward.rows(ResultObject)}
    assert written == {one.sop_instance_uid: one.sha256 for one in killed.objects}
    # Report, fallback and summary; a presentation state and a capture of each image.
    assert len(written) == 3 + 2 * 2


@pytest.mark.requirement("R-WORK-1", "R-MODEL-2")
def test_images_that_cannot_be_analysed_are_reported_with_their_reasons(
    open_ward: OpenWard,
) -> None:
    truncated, chest = study_of_two_views()
    truncated.PixelData = truncated.PixelData[:5000]
    chest.BodyPartExamined = "CHEST"
    with running_pacs() as pacs:
        ward = open_ward(pacs.destination)
        ward.receive(truncated, chest)
        ward.run_until_quiet()
        [report] = pacs.reports()
        assert pacs.captures() == []
    reasons = [row["reason"] for row in ward.images()]
    assert reasons[0].startswith("pixel data cannot be decoded")
    assert reasons[1] == "body part is not covered by the classifier"
    for reason in reasons:
        assert reason[:40] in _text(report)
    assert {row["state"] for row in ward.images()} == {"not_analysed"}
    assert not ward.jobs(JobKind.ANALYSE, JobState.DEAD)


def test_what_makes_an_answer_less_sure_is_in_ledger_and_report(open_ward: OpenWard) -> None:
    small = study_of_two_views()[0]
    blocks = small.pixel_array[:318, :255].reshape(106, 3, 85, 3)
    pixels = blocks.mean(axis=(1, 3)).astype(np.uint16)
    small.Rows, small.Columns = pixels.shape
    small.PixelData = pixels.tobytes()
    with running_pacs() as pacs:
        ward = open_ward(pacs.destination)
        ward.receive(small)
        ward.run_until_quiet()
        [report] = pacs.reports()
    [image] = ward.images()
    assert image["notes"] == ["the image is small (85 × 106 pixels)"]
    assert 0 <= image["hardware_probability"] <= 1
    assert "Note: the image is small (85 × 106 pixels)" in _text(report)


@pytest.mark.requirement("R-KEEP-4")
def test_two_patients_in_one_study_wait_for_a_person(open_ward: OpenWard) -> None:
    one, other = study_of_two_views()
    other.PatientID = "SOMEBODY-ELSE"
    with running_pacs() as pacs:
        ward = open_ward(pacs.destination)
        ward.receive(one, other)
        ward.run_until_quiet()
        assert pacs.received == []
    assert ward.study()["state"] == "blocked"
    assert "two patients" in ward.study()["reason"]
    assert ward.jobs(JobKind.REPORT) == []


def test_documents_alone_get_no_report(open_ward: OpenWard) -> None:
    document = study_of_two_views()[0]
    document.SOPClassUID = EncapsulatedPDFStorage
    document.file_meta.MediaStorageSOPClassUID = EncapsulatedPDFStorage
    del document.PixelData
    ward = open_ward()
    ward.receive(document)
    ward.run_until_quiet()
    [row] = ward.images()
    assert (row["is_image"], row["state"]) == (False, "not_analysed")
    assert ward.jobs(JobKind.REPORT) == []


def test_a_multi_frame_image_is_reported_by_its_frame(open_ward: OpenWard) -> None:
    ward = open_ward(NOWHERE)
    ward.receive(multi_frame(study_of_two_views()[0], blank_frames=2))
    ward.run_until_quiet()
    [row] = ward.images()
    assert (row["state"] != "not_analysed", row["frame"]) == (True, 3)
    [report] = ward.made(ObjectKind.SR)
    [capture] = ward.made(ObjectKind.SC)
    assert row["sop_instance_uid"] in _evidence(report)
    assert (capture.Rows, capture.Columns) == (320, 256)


def test_a_destination_without_3d_reports_gets_the_fallback(open_ward: OpenWard) -> None:
    with running_pacs([ComprehensiveSRStorage, SecondaryCaptureImageStorage]) as pacs:
        ward = open_ward(pacs.destination)
        ward.receive(*study_of_two_views())
        ward.run_until_quiet()
        [report] = pacs.reports()
    [fallback] = [row for row in ward.rows(ResultObject) if row.kind is ObjectKind.SR_FALLBACK]
    assert report.SOPClassUID == ComprehensiveSRStorage
    assert report.SOPInstanceUID == fallback.sop_instance_uid
    assert fallback.id in {row.sent_object_id for row in ward.rows(Delivery)}
    assert ward.study()["state"] == "delivered"


@pytest.mark.parametrize(
    ("status", "words"),
    [(0xA900, "unlike its SOP class"), (0x0122, "does not support this SOP class")],
)
@pytest.mark.requirement("R-SEND-3", "R-WORK-4")
def test_what_a_destination_refuses_waits_for_a_person_who_sends_it_again(
    open_ward: OpenWard, status: int, words: str
) -> None:
    with running_pacs(status=status) as pacs:
        ward = open_ward(pacs.destination)
        ward.receive(_not_covered())
        ward.run_until_quiet()
        [dead] = ward.jobs(JobKind.DELIVER)
        deliveries = ward.rows(Delivery)
        assert (dead.state, dead.attempt) == (JobState.DEAD, 1)
        assert words in (dead.last_error or "")
        told = {(delivery.state, delivery.status) for delivery in deliveries}
        assert told == {(DeliveryState.REFUSED, status)}
        pacs.status = 0
        with transaction(ward.kitchen.ledger) as session:
            assert requeue_jobs(session, [dead.job_id]) == 1
        ward.run_until_quiet()
        assert len(pacs.reports()) == 1
    assert ward.study()["state"] == "delivered"


@pytest.mark.requirement("R-SEND-3")
def test_a_destination_that_is_away_gets_it_when_it_is_back(open_ward: OpenWard) -> None:
    port = free_port()
    away = Destination("PACS", "127.0.0.1", port)
    ward = open_ward(away)
    ward.receive(_not_covered())
    for _ in range(5):  # more often than a job that fails may be tried
        ward.run_until_quiet()
        ward.let_time_pass()
    [waiting] = ward.jobs(JobKind.DELIVER)
    assert (waiting.state, waiting.attempt > 3) == (JobState.WAITING, True)
    assert "connection refused" in (waiting.last_error or "")
    with running_pacs(port=port, status=0xA700) as pacs:
        ward.let_time_pass()
        ward.run_until_quiet()
        assert "out of resources" in (ward.jobs(JobKind.DELIVER)[0].last_error or "")
        pacs.status = 0
        ward.let_time_pass()
        ward.run_until_quiet()
        assert len(pacs.reports()) == 1
    assert {row.state for row in ward.rows(Delivery)} == {DeliveryState.SENT}


def test_each_destination_has_its_own_fate(open_ward: OpenWard) -> None:
    away = Destination("AWAY", "127.0.0.1", free_port())
    with running_pacs() as pacs:
        ward = open_ward(away, pacs.destination)
        ward.receive(_not_covered())
        ward.run_until_quiet()
        assert len(pacs.reports()) == 1
    with reading(ward.kitchen.ledger) as session:
        states = {row["destination"]: row["state"] for row in delivery_results(session)}
    assert states == {str(pacs.destination): "sent", str(away): "queued"}
    assert ward.study()["state"] != "delivered"


def test_a_destination_taken_out_of_the_settings_needs_a_person(open_ward: OpenWard) -> None:
    with running_pacs() as pacs:
        ward = open_ward(pacs.destination)
        ward.receive(_not_covered())
        ward.run_kind(JobKind.ANALYSE)
        ward.run_kind(JobKind.REPORT)
    ward.close()
    without = open_ward()
    without.run_until_quiet()
    [dead] = without.jobs(JobKind.DELIVER)
    assert dead.state is JobState.DEAD
    assert "no longer among the destinations" in (dead.last_error or "")


@pytest.mark.requirement("R-WORK-2")
def test_an_offer_that_comes_twice_does_the_work_once(open_ward: OpenWard) -> None:
    with running_pacs() as pacs:
        ward = open_ward(pacs.destination)
        ward.receive(_not_covered())
        ward.run_until_quiet()
        ward.let_time_pass()  # as if the broker had kept all its messages
        assert ward.run_due() == 0
        assert len(pacs.received) == 2  # report and summary
    assert {job.attempt for job in ward.rows(Job)} == {1}


def _not_covered() -> Dataset:
    """An image that is reported without the network's doing."""
    image = study_of_two_views()[0]
    image.BodyPartExamined = "SKULL"
    return image
