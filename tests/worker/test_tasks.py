"""What a worker does with a call: the job it names, and what waits for the same destination."""

from collections.abc import Callable

from db.jobs import JobKind, JobState
from tests.worker.dicom_files import study_of_two_views
from tests.worker.pacs import running_pacs
from tests.worker.ward import Ward
from worker.pipeline import offer_due_jobs
from worker.tasks import _task

OpenWard = Callable[..., Ward]
STUDIES = 6


def test_one_call_sends_all_that_waits_for_a_destination(open_ward: OpenWard) -> None:
    with running_pacs() as pacs:
        ward = open_ward(pacs.destination)
        for number in range(STUDIES):
            image = study_of_two_views()[0]
            image.BodyPartExamined = "SKULL"  # reported without the network's doing
            image.StudyInstanceUID = f"1.2.{number}"
            image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = f"1.2.{number}.1"
            ward.receive(image)
        ward.run_kind(JobKind.ANALYSE)
        ward.run_kind(JobKind.REPORT)
        offered = [job_id for kind, job_id in offer_due_jobs(ward.kitchen) if kind == "deliver"]
        assert len(offered) < STUDIES, "no more at once than a hanging destination may hold up"
        _task(ward.kitchen)(offered[0])
        assert len(pacs.reports()) == STUDIES - len(offered) + 1
    assert len(ward.jobs(JobKind.DELIVER, JobState.DONE)) == STUDIES - len(offered) + 1
