"""What a passer-by sees of the ledger: what was given up, and why."""

from sqlalchemy import Engine

from db.job_list import JobTotals, count_jobs, total_jobs
from db.jobs import JobKind, bury_job
from db.overview import DeadJobs, dead_jobs_by_reason
from db.session import reading, transaction
from tests.db.ledger import FRACTURE, analyse, claim, receive, received


def test_an_empty_ledger_has_nothing_to_show(ledger: Engine) -> None:
    with reading(ledger) as session:
        assert dead_jobs_by_reason(session, limit=10) == []


def test_jobs_are_counted_from_where_it_was_left(ledger: Engine) -> None:
    totals = JobTotals()
    for number in range(1, 4):
        receive(ledger, received(number))
        if number == 2:
            analyse(ledger, FRACTURE)
        with reading(ledger) as session:
            totals = total_jobs(session, totals)
            counts = count_jobs(session)
            assert count_jobs(session, totals) == counts
        assert sum(totals.jobs.values()) == totals.counted_to == number
    of_images = counts[JobKind.ANALYSE]
    assert of_images == {"waiting": 2, "running": 0, "done": 1, "dead": 0}


def test_dead_jobs_are_counted_by_kind_and_reason(ledger: Engine) -> None:
    receive(ledger, *(received(number) for number in range(1, 5)))
    for error in ("decoder died", "out of memory", "decoder died"):
        given_up = claim(ledger, JobKind.ANALYSE)
        with transaction(ledger) as session:
            bury_job(session, given_up, error=error)
    with reading(ledger) as session:
        told = dead_jobs_by_reason(session, limit=10)
        assert dead_jobs_by_reason(session, limit=1) == told[:1]
    assert told == [
        DeadJobs(JobKind.ANALYSE, "decoder died", 2, oldest_job_id=1),
        DeadJobs(JobKind.ANALYSE, "out of memory", 1, oldest_job_id=2),
    ]
