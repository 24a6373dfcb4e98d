"""The task boundary: what becomes of a job whose step ends in each of the ways a step can end."""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update
from structlog.testing import capture_logs

from db.analyses import save_analysis
from db.clock import database_now
from db.jobs import Claim, ClaimLost, JobKind, JobState, claim_job
from db.session import LedgerUnavailable, reading, transaction
from db.states import AnalysisState
from db.tables import Analysis, Job
from dicom_node.peer import PeerUnavailable
from dicom_node.sender import Destination
from dicom_node.spool import FileSpool, ObjectGone, SpoolFull
from messages.fhir_source import FhirSite
from model.artefact import CARD, ArtefactDamaged, ArtefactUnfit, bundled_artefact
from model.decoding.decoder import DecodeLimits, DecoderKilled
from model.runtime import DeviceUnavailable
from tests.db.ledger import NO_FRACTURE, receive, received, rows
from worker.destinations import PacsDestination
from worker.job_runner import Step, run_job
from worker.kitchen import Kitchen, KitchenPlan, Waits
from worker.pipeline import offer_due_jobs
from worker.retrying import OBJECT_GONE, NotNow, PersonNeeded

CANARY = "CANARY^PATIENT"
ENOUGH_WAITS = Waits(quiet_seconds=0, max_wait_seconds=600, lease_seconds=60)


@pytest.fixture
def kitchen(sqlite_ledger_url: str, tmp_path: Path) -> Iterator[Kitchen]:
    """A kitchen with one image to be analysed; the steps of these tests never look at it."""
    kitchen = _kitchen(sqlite_ledger_url, tmp_path)
    receive(kitchen.ledger, received())
    yield kitchen
    kitchen.close()


def _kitchen(ledger_url: str, folder: Path) -> Kitchen:
    plan = KitchenPlan(
        ledger_url=ledger_url,
        spool=FileSpool(folder / "spool"),
        model_dir=folder,
        device="cpu",
        ae_title="OSTEON",
        time_zone=ZoneInfo("UTC"),
        destinations=(PacsDestination("PACS", Destination("PACS", "127.0.0.1", 1)),),
        fhir_site=FhirSite("OSTEON", UTC),
        waits=ENOUGH_WAITS,
        decode_limits=DecodeLimits(30, 1 << 30),
    )
    return Kitchen(plan)


def save(kitchen: Kitchen, claim: Claim) -> None:
    with transaction(kitchen.ledger) as session:
        save_analysis(session, claim, NO_FRACTURE)


def raising(error: BaseException) -> Step:
    def step(kitchen: Kitchen, claim: Claim) -> None:
        raise error

    return step


def run(kitchen: Kitchen, step: Step) -> Job:
    """Run the only job now, however long it ought to wait."""
    _change_job(kitchen, next_attempt_at=database_now())
    run_job(kitchen, _job(kitchen).id, step)
    return _job(kitchen)


def _job(kitchen: Kitchen) -> Job:
    [job] = rows(kitchen.ledger, Job)
    return job


def _change_job(kitchen: Kitchen, **values: object) -> None:
    with transaction(kitchen.ledger) as session:
        session.execute(update(Job).values(**values))


def test_a_step_that_saves_its_outcome_ends_the_job(kitchen: Kitchen) -> None:
    job = run(kitchen, save)
    assert (job.state, job.attempt, job.last_error) == (JobState.DONE, 1, None)
    [analysis] = rows(kitchen.ledger, Analysis)
    assert analysis.state is AnalysisState.NONE


def test_a_job_that_is_done_is_not_run_again(kitchen: Kitchen) -> None:
    run(kitchen, save)
    job = run(kitchen, raising(AssertionError("it was run")))
    assert (job.state, job.attempt) == (JobState.DONE, 1)


FAILURES = [
    ValueError(CANARY),
    MemoryError(CANARY),
    RecursionError(CANARY),
    OSError(5, CANARY),
    KeyError(CANARY),
    SystemExit(CANARY),
    DecoderKilled("the decoder was killed by the operating system"),
    PeerUnavailable("PACS@127.0.0.1:1: connection refused"),
]


@pytest.mark.parametrize("error", FAILURES, ids=lambda error: type(error).__name__)
def test_what_fails_waits_and_is_tried_again(kitchen: Kitchen, error: BaseException) -> None:
    with capture_logs() as events:
        job = run(kitchen, raising(error))
    assert (job.state, job.attempt, job.finished_at) == (JobState.WAITING, 1, None)
    assert _waits_seconds(kitchen) > 1
    assert type(error).__name__ in (job.last_error or "")
    assert "CANARY" not in f"{job.last_error} {events}"
    assert [event["event"] for event in events] == ["job_failed"]
    assert run(kitchen, save).state is JobState.DONE


def _waits_seconds(kitchen: Kitchen) -> float:
    with reading(kitchen.ledger) as session:
        now = session.scalars(database_now().select()).one()
    return float((_job(kitchen).next_attempt_at - now).total_seconds())


def test_our_own_errors_keep_their_words_and_others_give_their_place(kitchen: Kitchen) -> None:
    job = run(kitchen, raising(DecoderKilled("killed by the operating system")))
    assert job.last_error == "DecoderKilled: killed by the operating system"
    job = run(kitchen, raising(ValueError(CANARY)))
    assert (job.last_error or "").startswith("ValueError in test_job_runner.py:")


@pytest.mark.requirement("R-WORK-1")
def test_an_image_that_fails_three_times_is_a_result_with_the_reason(kitchen: Kitchen) -> None:
    waits = []
    for _ in range(2):
        assert run(kitchen, raising(MemoryError())).state is JobState.WAITING
        waits.append(_waits_seconds(kitchen))
        assert rows(kitchen.ledger, Analysis) == []
    assert waits[1] > waits[0]
    job = run(kitchen, raising(MemoryError()))
    assert (job.state, job.attempt) == (JobState.DEAD, 3)
    [analysis] = rows(kitchen.ledger, Analysis)
    assert analysis.state is AnalysisState.NOT_ANALYSED
    assert analysis.reason == job.last_error
    assert "MemoryError" in (analysis.reason or "")
    assert [kind for kind, _ in offer_due_jobs(kitchen)] == [JobKind.REPORT]


@pytest.mark.requirement("R-WORK-1", "R-WORK-3")
def test_an_image_whose_worker_dies_each_time_is_a_result_with_the_reason(
    kitchen: Kitchen,
) -> None:
    for _ in range(3):
        with transaction(kitchen.ledger) as session:
            assert claim_job(session, _job(kitchen).id, lease_seconds=-1) is not None
    offer_due_jobs(kitchen)
    [analysis] = rows(kitchen.ledger, Analysis)
    assert "stopped without a word" in (analysis.reason or "")
    assert rows(kitchen.ledger, Job)[0].state is JobState.DEAD


@pytest.mark.requirement("R-WORK-4")
def test_what_needs_a_person_is_dead_at_once(kitchen: Kitchen) -> None:
    job = run(kitchen, raising(PersonNeeded("add it and requeue the job")))
    assert (job.state, job.attempt, job.last_error) == (
        JobState.DEAD,
        1,
        "add it and requeue the job",
    )


NODE_TROUBLE = [
    SpoolFull("the disk is down to its reserve"),
    ArtefactDamaged("weights.safetensors was altered"),
    ArtefactUnfit("it tells fracture types alone"),
    DeviceUnavailable("cuda: no NVIDIA device"),
]


@pytest.mark.parametrize("trouble", NODE_TROUBLE, ids=lambda trouble: type(trouble).__name__)
def test_a_node_in_trouble_is_waited_for_without_limit(
    kitchen: Kitchen, trouble: Exception
) -> None:
    for _ in range(6):
        job = run(kitchen, raising(trouble))
        assert (job.state, job.attempt) == (JobState.WAITING, 0)
    assert rows(kitchen.ledger, Analysis) == []
    assert run(kitchen, save).state is JobState.DONE


def test_an_image_whose_file_is_gone_is_a_result_with_the_reason_after_a_while(
    kitchen: Kitchen,
) -> None:
    gone = ObjectGone("abc is gone from the spool; restore it")
    for _ in range(OBJECT_GONE.max_attempts - 1):
        assert run(kitchen, raising(gone)).state is JobState.WAITING
    assert rows(kitchen.ledger, Analysis) == []
    job = run(kitchen, raising(gone))
    assert (job.state, job.last_error) == (JobState.DEAD, f"ObjectGone: {gone}")
    [analysis] = rows(kitchen.ledger, Analysis)
    assert analysis.reason == job.last_error


def test_what_is_not_for_now_waits_as_long_as_it_says_and_counts_no_attempt(
    kitchen: Kitchen,
) -> None:
    job = run(kitchen, raising(NotNow("the archive is away", delay_seconds=300)))
    assert (job.state, job.attempt) == (JobState.WAITING, 0)
    assert _waits_seconds(kitchen) == pytest.approx(300, abs=20)


def test_a_kitchen_takes_no_classifier_that_tells_no_fracture(tmp_path: Path) -> None:
    folder = shutil.copytree(bundled_artefact(), tmp_path / "types")
    card = json.loads((folder / CARD).read_text())
    card["network"]["fracture"] = False
    (folder / CARD).write_text(json.dumps(card))
    kitchen = _kitchen("sqlite://", tmp_path)
    unfit = Kitchen(replace(kitchen.plan, model_dir=folder))
    with pytest.raises(ArtefactUnfit, match="does not tell whether there is a fracture"):
        _ = unfit.card
    with pytest.raises(ArtefactUnfit, match="does not tell whether there is a fracture"):
        _ = unfit.classifier


LET_GO = [ClaimLost("stale"), LedgerUnavailable("the database does not answer")]


@pytest.mark.parametrize("error", LET_GO, ids=lambda error: type(error).__name__)
def test_a_job_that_cannot_be_written_is_let_go(kitchen: Kitchen, error: Exception) -> None:
    with capture_logs() as events:
        job = run(kitchen, raising(error))
    assert (job.state, job.attempt, job.last_error) == (JobState.RUNNING, 1, None)
    assert [(event["event"], event["reason"]) for event in events] == [
        ("job_let_go", type(error).__name__)
    ]


@pytest.mark.requirement("R-WORK-5")
def test_a_ledger_that_is_away_lets_the_job_go(tmp_path: Path) -> None:
    without_tables = _kitchen(f"sqlite:///{tmp_path / 'empty.sqlite'}", tmp_path)
    with capture_logs() as events:
        run_job(without_tables, 1, save)
    assert [event["reason"] for event in events] == ["LedgerUnavailable"]
    without_tables.close()


def _losing_the_claim(then: Callable[[Kitchen, Claim], None]) -> Step:
    """A step so slow that its lease runs out and another worker takes the job."""

    def step(kitchen: Kitchen, claim: Claim) -> None:
        _change_job(kitchen, lease_until=database_now(-1))
        with transaction(kitchen.ledger) as session:
            assert claim_job(session, claim.job_id, lease_seconds=60) is not None
        then(kitchen, claim)

    return step


@pytest.mark.parametrize("then", [save, raising(ValueError()), raising(PersonNeeded("no"))])
@pytest.mark.requirement("R-WORK-2")
def test_a_stale_claim_writes_nothing(kitchen: Kitchen, then: Step) -> None:
    with capture_logs() as events:
        job = run(kitchen, _losing_the_claim(then))
    assert (job.state, job.attempt, job.last_error) == (JobState.RUNNING, 2, None)
    assert rows(kitchen.ledger, Analysis) == []
    assert [event["event"] for event in events] == ["job_let_go"]


def test_a_long_step_keeps_its_claim(kitchen: Kitchen) -> None:
    kitchen.plan = replace(kitchen.plan, waits=replace(ENOUGH_WAITS, lease_seconds=1.2))
    taken = []

    def long_step(kitchen: Kitchen, claim: Claim) -> None:
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            with transaction(kitchen.ledger) as session:
                taken.append(claim_job(session, claim.job_id, lease_seconds=60))
            time.sleep(0.1)
        save(kitchen, claim)

    job = run(kitchen, long_step)
    assert set(taken) == {None}
    assert (job.state, job.attempt) == (JobState.DONE, 1)


def test_a_dead_report_leaves_no_analysis(kitchen: Kitchen) -> None:
    run(kitchen, save)
    with capture_logs() as events:
        for _ in range(3):
            offer_due_jobs(kitchen)
            report = next(job for job in rows(kitchen.ledger, Job) if job.kind is JobKind.REPORT)
            _change_job(kitchen, next_attempt_at=database_now())
            run_job(kitchen, report.id, raising(ValueError(CANARY)))
    assert {job.kind: job.state for job in rows(kitchen.ledger, Job)} == {
        JobKind.ANALYSE: JobState.DONE,
        JobKind.REPORT: JobState.DEAD,
    }
    assert len(rows(kitchen.ledger, Analysis)) == 1
    assert "CANARY" not in str(events)


def test_a_step_that_hangs_loses_its_lease(kitchen: Kitchen) -> None:
    waits = replace(ENOUGH_WAITS, lease_seconds=0.6, longest_step_seconds=0.3)
    kitchen.plan = replace(kitchen.plan, waits=waits)
    taken: list[Claim | None] = []

    def hang(kitchen: Kitchen, claim: Claim) -> None:
        time.sleep(2)
        with transaction(kitchen.ledger) as session:
            taken.append(claim_job(session, claim.job_id, lease_seconds=60))

    with capture_logs() as events:
        run(kitchen, hang)
    assert taken[0] is not None
    assert "job_hangs" in [event["event"] for event in events]
