"""A job has one holder at a time, only the holder writes, and every job comes to an end."""

import pytest
from sqlalchemy import Engine, update

from db.clock import database_now
from db.job_list import requeue_jobs
from db.jobs import (
    BuriedJob,
    Claim,
    ClaimLost,
    JobKind,
    JobState,
    Lane,
    RetryPolicy,
    add_job,
    bury_exhausted_jobs,
    bury_job,
    claim_job,
    fail_job,
    finish_job,
    heartbeat,
    hold,
    offer_due_jobs,
    put_off_job,
)
from db.session import transaction
from db.tables import Job
from tests.db.ledger import claim, rows

THRICE = RetryPolicy(max_attempts=3, first_delay_seconds=0, max_delay_seconds=0)
FOR_EVER = RetryPolicy(max_attempts=None, first_delay_seconds=30, max_delay_seconds=900)
ANALYSE, REPORT = Lane(JobKind.ANALYSE), Lane(JobKind.REPORT)


def add_jobs(ledger: Engine, *subjects: int, kind: JobKind = JobKind.ANALYSE) -> None:
    with transaction(ledger) as session:
        for subject_id in subjects:
            add_job(session, kind, subject_id)


def test_a_subject_has_one_open_job_of_a_kind(ledger: Engine) -> None:
    add_jobs(ledger, 1, 1)
    add_jobs(ledger, 1, kind=JobKind.REPORT)
    assert len(rows(ledger, Job)) == 2
    with transaction(ledger) as session:
        finish_job(session, claim_job(session, 1, lease_seconds=60) or pytest.fail())
    add_jobs(ledger, 1)
    assert [job.state for job in rows(ledger, Job)] == ["done", "waiting", "waiting"]


def test_a_running_job_cannot_be_claimed_again(ledger: Engine) -> None:
    add_jobs(ledger, 7)
    assert claim(ledger, JobKind.ANALYSE) == Claim(1, JobKind.ANALYSE, 7, 1, 1)
    with transaction(ledger) as session:
        assert claim_job(session, 1, lease_seconds=60) is None


@pytest.mark.requirement("R-WORK-2")
def test_a_dead_holders_job_goes_to_the_next_and_the_dead_one_can_write_no_more(
    ledger: Engine,
) -> None:
    add_jobs(ledger, 7)
    stale = claim(ledger, JobKind.ANALYSE, lease_seconds=0)
    fresh = claim(ledger, JobKind.ANALYSE)
    assert (fresh.attempt, fresh.fence_token) == (2, 2)
    for write in (
        lambda session: hold(session, stale),
        lambda session: heartbeat(session, stale, lease_seconds=60),
        lambda session: finish_job(session, stale),
        lambda session: fail_job(session, stale, error="", policy=THRICE),
        lambda session: bury_job(session, stale, error=""),
    ):
        with pytest.raises(ClaimLost), transaction(ledger) as session:
            write(session)
    with transaction(ledger) as session:
        finish_job(session, fresh)
    with pytest.raises(ClaimLost), transaction(ledger) as session:
        finish_job(session, fresh)


def test_a_heartbeat_keeps_the_job(ledger: Engine) -> None:
    add_jobs(ledger, 7)
    ours = claim(ledger, JobKind.ANALYSE, lease_seconds=0)
    with transaction(ledger) as session:
        heartbeat(session, ours, lease_seconds=60)
    with transaction(ledger) as session:
        assert claim_job(session, ours.job_id, lease_seconds=60) is None


def test_offers_go_by_priority_then_age_and_keep_to_the_window(ledger: Engine) -> None:
    with transaction(ledger) as session:
        for subject_id, priority in [(1, 0), (2, 5), (3, 0), (4, 5)]:
            add_job(session, JobKind.ANALYSE, subject_id, priority=priority)
    with transaction(ledger) as session:
        assert offer_due_jobs(session, ANALYSE, window=3, offer_seconds=60) == [
            2,
            4,
            1,
        ]
    with transaction(ledger) as session:
        assert offer_due_jobs(session, ANALYSE, window=3, offer_seconds=60) == []
        assert claim_job(session, 2, lease_seconds=60) is not None
        assert offer_due_jobs(session, ANALYSE, window=3, offer_seconds=60) == [3]
        assert offer_due_jobs(session, REPORT, window=3, offer_seconds=60) == []


@pytest.mark.requirement("R-WORK-5")
def test_a_lost_offer_is_made_again(ledger: Engine) -> None:
    add_jobs(ledger, 1)
    for _ in range(2):
        with transaction(ledger) as session:
            assert offer_due_jobs(session, ANALYSE, window=1, offer_seconds=0) == [1]


def test_a_job_whose_lease_ran_out_is_offered_again(ledger: Engine) -> None:
    add_jobs(ledger, 1, 2)
    claim(ledger, JobKind.ANALYSE, lease_seconds=0)
    with transaction(ledger) as session:
        assert offer_due_jobs(session, ANALYSE, window=9, offer_seconds=60) == [1, 2]


def test_a_failed_job_waits_then_dies_of_its_last_attempt(ledger: Engine) -> None:
    add_jobs(ledger, 1)
    states = []
    for _ in range(3):
        ours = claim(ledger, JobKind.ANALYSE)
        with transaction(ledger) as session:
            states.append(fail_job(session, ours, error="no such codec", policy=THRICE))
    assert states == [JobState.WAITING, JobState.WAITING, JobState.DEAD]
    (job,) = rows(ledger, Job)
    assert (job.state, job.attempt, job.last_error) == ("dead", 3, "no such codec")
    assert job.finished_at is not None


def test_a_delayed_job_is_neither_offered_nor_claimed(ledger: Engine) -> None:
    add_jobs(ledger, 1)
    ours = claim(ledger, JobKind.ANALYSE)
    with transaction(ledger) as session:
        assert fail_job(session, ours, error="peer away", policy=FOR_EVER) is JobState.WAITING
        assert offer_due_jobs(session, ANALYSE, window=9, offer_seconds=60) == []
        assert claim_job(session, 1, lease_seconds=60) is None


def test_without_a_most_of_attempts_a_job_never_dies(ledger: Engine) -> None:
    add_jobs(ledger, 1)
    ours = claim(ledger, JobKind.ANALYSE)
    with transaction(ledger) as session:
        session.execute(update(Job).values(attempt=1000))
    late = Claim(ours.job_id, ours.kind, ours.subject_id, 1000, ours.fence_token)
    with transaction(ledger) as session:
        assert fail_job(session, late, error="peer away", policy=FOR_EVER) is JobState.WAITING


def test_a_job_whose_workers_all_died_is_buried_with_a_reason(ledger: Engine) -> None:
    add_jobs(ledger, 8, 9)
    for _ in range(3):
        claim(ledger, JobKind.ANALYSE, lease_seconds=0)
    with transaction(ledger) as session:
        buried = bury_exhausted_jobs(session, {JobKind.ANALYSE: THRICE, JobKind.DELIVER: FOR_EVER})
    error = "the worker stopped without a word at each of 3 attempts"
    assert buried == [BuriedJob(1, JobKind.ANALYSE, 8, 3, error)]
    assert [job.state for job in rows(ledger, Job)] == ["dead", "waiting"]


@pytest.mark.requirement("R-WORK-4")
def test_a_dead_job_starts_anew_when_a_person_requeues_it(ledger: Engine) -> None:
    add_jobs(ledger, 1, 2)
    with transaction(ledger) as session:
        bury_job(session, claim_job(session, 1, lease_seconds=60) or pytest.fail(), error="bad")
        assert requeue_jobs(session, [1, 2, 99]) == 1
    assert claim(ledger, JobKind.ANALYSE) == Claim(1, JobKind.ANALYSE, 1, 1, 2)


def test_of_two_dead_jobs_for_one_subject_one_is_requeued(ledger: Engine) -> None:
    for job_id in (1, 2):
        add_jobs(ledger, 5)
        with transaction(ledger) as session:
            ours = claim_job(session, job_id, lease_seconds=60) or pytest.fail()
            bury_job(session, ours, error="bad")
    with transaction(ledger) as session:
        assert requeue_jobs(session, [1, 2]) == 1


def test_the_first_claims_time_stays(ledger: Engine) -> None:
    add_jobs(ledger, 1)
    claim(ledger, JobKind.ANALYSE, lease_seconds=0)
    (first,) = rows(ledger, Job)
    with transaction(ledger) as session:
        session.execute(update(Job).values(first_claimed_at=database_now(-100)))
    claim(ledger, JobKind.ANALYSE)
    (second,) = rows(ledger, Job)
    assert first.first_claimed_at is not None and second.first_claimed_at is not None
    assert second.first_claimed_at < first.first_claimed_at


def test_a_job_put_off_has_spent_no_attempt(ledger: Engine) -> None:
    with transaction(ledger) as session:
        add_job(session, JobKind.ANALYSE, 1)
        for _ in range(5):
            held = claim_job(session, 1, lease_seconds=60) or pytest.fail()
            put_off_job(session, held, error="no room", delay_seconds=0)
        again = claim_job(session, 1, lease_seconds=60) or pytest.fail()
        assert (again.attempt, again.fence_token) == (1, 6)
        with pytest.raises(ClaimLost):
            put_off_job(session, held, error="no room", delay_seconds=0)
