"""Each destination gets what it takes, and none waits for another."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    SecondaryCaptureImageStorage,
)
from sqlalchemy import update

from db.clock import database_now
from db.destinations import destination_states
from db.jobs import JobKind, JobState
from db.results import delivery_results
from db.session import reading, transaction
from db.states import ObjectKind
from db.tables import Destination as DestinationRow
from db.tables import Job, ResultObject
from dicom_node.peer import Destination
from dicom_node.uids import derive_uid
from tests.servers import free_port
from tests.worker.dicom_files import study_of_two_views
from tests.worker.pacs import hanging_pacs, running_pacs
from tests.worker.ward import Ward
from worker.destinations import PacsDestination
from worker.job_runner import run_job
from worker.pipeline import offer_due_jobs
from worker.retrying import NOT_TAKEN
from worker.tasks import STEPS

pytestmark = pytest.mark.requirement("R-SEND-3")

OpenWard = Callable[..., Ward]
STUDIES = 4
PROMPT_SECONDS = 8


def test_a_destination_that_hangs_delays_no_other(open_ward: OpenWard) -> None:
    with (
        ThreadPoolExecutor(3) as workers,  # the last to end: what hangs ends before
        hanging_pacs(patience_seconds=60) as hangs,
        running_pacs() as pacs,
    ):
        ward = _reported(open_ward, _unproved("hangs", hangs), _unproved("pacs", pacs.destination))
        began = time.monotonic()
        while len(pacs.reports()) < STUDIES and time.monotonic() < began + PROMPT_SECONDS:
            for kind, job_id in offer_due_jobs(ward.kitchen):
                workers.submit(run_job, ward.kitchen, job_id, STEPS[kind])
            time.sleep(0.02)
        assert len(pacs.reports()) == STUDIES, f"not after {PROMPT_SECONDS} s"
        running = [job.subject for job in ward.jobs(JobKind.DELIVER, JobState.RUNNING)]
        assert len([subject for subject in running if subject.startswith("hangs ")]) == 2


def test_a_destination_that_is_down_is_tried_by_one_and_then_gets_all_at_once(
    open_ward: OpenWard,
) -> None:
    away = Destination("PACS", "127.0.0.1", free_port())
    ward = _reported(open_ward, _unproved("pacs", away))
    assert _state(ward) == ("up", STUDIES)
    tried = []
    for _ in range(4):
        tried.append(ward.run_due())
        assert ward.run_due() == 0  # it rests
        ward.let_time_pass()
    assert tried == [2, 1, 1, 1]
    assert _state(ward) == ("down", STUDIES)
    _let_all_but_one_wait(ward)
    with running_pacs(port=away.port) as pacs:
        ward.run_until_quiet()
        assert len(pacs.reports()) == STUDIES
    assert _state(ward) == ("up", 0)


def test_a_pacs_that_does_not_know_us_is_waited_for_until_it_does(open_ward: OpenWard) -> None:
    with running_pacs(knows=["SOMEBODY"]) as pacs:
        ward = _reported(open_ward, _unproved("pacs", pacs.destination), studies=1)
        for _ in range(5):
            assert ward.run_due() == 1
            ward.let_time_pass()
        [job] = ward.jobs(JobKind.DELIVER)
        assert (job.state, job.attempt) == (JobState.WAITING, 5)
        assert "does not know our AE title OSTEON: add it there" in (job.last_error or "")
    with running_pacs(port=pacs.destination.port, knows=["OSTEON"]) as pacs:
        ward.run_until_quiet()
        assert len(pacs.reports()) == 1


def test_what_each_destination_got_and_why_is_recorded(open_ward: OpenWard) -> None:
    gsps, sc = GrayscaleSoftcopyPresentationStateStorage, SecondaryCaptureImageStorage
    with (
        running_pacs((Comprehensive3DSRStorage, ComprehensiveSRStorage, gsps, sc)) as modern,
        running_pacs((ComprehensiveSRStorage, sc)) as older,
        running_pacs((sc,)) as oldest,
    ):
        ward = open_ward(
            _unproved("modern", modern.destination),
            _unproved("older", older.destination),
            _unproved("oldest", oldest.destination),
        )
        ward.receive(*study_of_two_views())
        ward.run_until_quiet()
    with reading(ward.kitchen.ledger) as session:
        rows = {row["destination"]: row for row in delivery_results(session)}
    assert {name: (row["rung"], row["why"]) for name, row in rows.items()} == {
        "modern": (
            "Comprehensive 3D SR + presentation states",
            "accepts Comprehensive 3D SR Storage; accepts presentation states",
        ),
        "older": (
            "Comprehensive SR + secondary captures + a summary page",
            "does not accept Comprehensive 3D SR Storage, but Comprehensive SR Storage; "
            "does not accept presentation states",
        ),
        "oldest": (
            "secondary captures + a summary page",
            "accepts no Structured Report of ours; does not accept presentation states",
        ),
    }
    assert {one.SOPClassUID for one in modern.received} == {Comprehensive3DSRStorage, gsps}
    assert {one.SOPClassUID for one in older.received} == {ComprehensiveSRStorage, sc}
    assert {one.SOPClassUID for one in oldest.received} == {sc}
    for name, pacs in {"modern": modern, "older": older, "oldest": oldest}.items():
        assert rows[name]["objects"] == rows[name]["sent"] == len(pacs.received)


def _unproved(name: str, peer: Destination) -> PacsDestination:
    return PacsDestination(name, peer, prove=False)


def _reported(open_ward: OpenWard, *destinations: PacsDestination, studies: int = STUDIES) -> Ward:
    """A ward with reports for these destinations, and nothing sent."""
    ward = open_ward(*destinations)
    ward.receive(*[_not_covered(number) for number in range(studies)])
    ward.run_kind(JobKind.ANALYSE)
    ward.run_kind(JobKind.REPORT)
    return ward


def _not_covered(number: int) -> Dataset:
    """A study of one image, which is reported without the network's doing."""
    image = study_of_two_views()[0]
    image.BodyPartExamined = "SKULL"
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        setattr(image, keyword, derive_uid("study", str(number), keyword))
    image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
    return image


def _state(ward: Ward) -> tuple[str, int]:
    with reading(ward.kitchen.ledger) as session:
        [destination] = destination_states(session)
    return destination.state, destination.waiting


def _let_all_but_one_wait(ward: Ward) -> None:
    """As when each job's own wait has grown, and the destination's rest is over."""
    first, *_ = ward.jobs(JobKind.DELIVER, JobState.WAITING)
    with transaction(ward.kitchen.ledger) as session:
        others = update(Job).where(Job.id != first.job_id)
        session.execute(others.values(next_attempt_at=database_now(3600)))
        session.execute(update(DestinationRow).values(rests_until=None))


def test_one_object_that_is_not_taken_now_holds_up_neither_others_nor_the_lane(
    open_ward: OpenWard,
) -> None:
    with running_pacs() as pacs:
        ward = _reported(open_ward, _unproved("pacs", pacs.destination), studies=2)
        pacs.statuses = dict.fromkeys(_uids(ward, ObjectKind.SR)[:1], 272)
        ward.run_until_quiet()
        first, second = ward.jobs(JobKind.DELIVER)
        assert (first.state, second.state) == (JobState.WAITING, JobState.DONE)
        assert "0x0110" in (first.last_error or "")
        assert _state(ward) == ("up", 1)
        taken = {one.SOPInstanceUID for one in pacs.received}
        assert taken == set(_uids(ward, *ObjectKind)) - _fallbacks(ward) - pacs.statuses.keys()
        pacs.statuses = {}
        ward.let_time_pass()
        ward.run_until_quiet()
    assert len(pacs.reports()) == 2


def test_what_is_not_taken_for_days_is_shown_to_a_person(open_ward: OpenWard) -> None:
    with running_pacs(status=0xA700) as pacs:
        ward = _reported(open_ward, _unproved("pacs", pacs.destination), studies=1)
        with transaction(ward.kitchen.ledger) as session:
            session.execute(update(Job).values(attempt=NOT_TAKEN.max_attempts - 1))
        ward.run_until_quiet()
    [job] = ward.jobs(JobKind.DELIVER)
    assert job.state is JobState.DEAD
    assert "0xA700" in (job.last_error or "")


def _uids(ward: Ward, *kinds: ObjectKind) -> list[str]:
    return [one.sop_instance_uid or "" for one in ward.rows(ResultObject) if one.kind in kinds]


def _fallbacks(ward: Ward) -> set[str]:
    return set(_uids(ward, ObjectKind.SR_FALLBACK))
