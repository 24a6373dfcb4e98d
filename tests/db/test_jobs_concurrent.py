"""Claimers that race, die and come back too late: one holder at a time, and nothing is lost."""

import multiprocessing
import random
import threading
import time
from collections.abc import Callable

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from db.jobs import (
    Claim,
    ClaimLost,
    JobKind,
    Lane,
    add_job,
    claim_job,
    finish_job,
    hold,
    offer_due_jobs,
)
from db.session import LedgerUnavailable, open_ledger, transaction
from db.tables import Instance, Job
from tests.db.ledger import receive, received, rows

pytestmark = pytest.mark.requirement("R-WORK-2")

JOBS = 24
CLAIMERS = 6
PATIENCE_SECONDS = 30


def test_of_racing_claimers_one_wins(ledger_url: str) -> None:
    engine = open_ledger(ledger_url)
    with transaction(engine) as session:
        add_job(session, JobKind.ANALYSE, 1)
    winners: list[int] = []

    def race(number: int) -> None:
        with transaction(engine) as session:
            if claim_job(session, 1, lease_seconds=60) is not None:
                winners.append(number)

    _in_threads(race, 12)
    assert len(winners) == 1


def test_claimers_that_die_and_return_write_each_result_once(ledger_url: str) -> None:
    engine = _ledger_with_jobs(ledger_url)
    _in_threads(lambda number: _work(ledger_url, number), CLAIMERS)
    _each_was_written_once(engine)


def test_claimers_in_other_processes_write_each_result_once(ledger_url: str) -> None:
    engine = _ledger_with_jobs(ledger_url)
    start = multiprocessing.get_context("spawn")
    workers = [start.Process(target=_work, args=(ledger_url, number)) for number in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    _each_was_written_once(engine)


def test_offers_made_at_once_never_name_a_job_twice(ledger_url: str) -> None:
    engine = _ledger_with_jobs(ledger_url)
    offered: list[int] = []

    def offer(_number: int) -> None:
        with transaction(engine) as session:
            ids = offer_due_jobs(session, Lane(JobKind.ANALYSE), window=JOBS, offer_seconds=60)
        offered.extend(ids)

    _in_threads(offer, CLAIMERS)
    assert sorted(offered) == sorted({job.id for job in rows(engine, Job)})


def _ledger_with_jobs(url: str) -> Engine:
    engine = open_ledger(url)
    receive(engine, *(received(number) for number in range(JOBS)))
    return engine


def _each_was_written_once(engine: Engine) -> None:
    """`rows` counts the results written for an instance, `columns` is the last writer's token."""
    jobs, instances = rows(engine, Job), rows(engine, Instance)
    assert {job.state for job in jobs} == {"done"}
    assert [instance.rows for instance in instances] == [1] * JOBS
    tokens = {instance.id: instance.columns for instance in instances}
    assert tokens == {job.subject_id: job.fence_token for job in jobs}, "a stale claim wrote"
    assert any(job.attempt > 1 for job in jobs), "no claimer died: nothing was tested"


def _work(url: str, number: int) -> None:
    """Work until all is done; of ten claims about three outlive their lease or are abandoned."""
    engine, chance = open_ledger(url), random.Random(number)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with transaction(engine) as session:
            open_jobs = list(session.scalars(select(Job.id).where(Job.finished_at.is_(None))))
        if not open_jobs:
            return
        _attempt(engine, chance.choice(open_jobs), chance.random())


def _attempt(engine: Engine, job_id: int, fate: float) -> None:
    with transaction(engine) as session:
        claim = claim_job(session, job_id, lease_seconds=0.03)
    if claim is None or fate < 0.1:
        return  # dead: the lease runs out
    time.sleep(0.06 if fate < 0.3 else 0)  # late: another may have it by now
    try:
        with transaction(engine) as session:
            hold(session, claim)
            _count_result(session, claim)
            finish_job(session, claim)
    except (ClaimLost, LedgerUnavailable):
        return


def _count_result(session: Session, claim: Claim) -> None:
    instance = session.get_one(Instance, claim.subject_id)
    instance.rows = (instance.rows or 0) + 1
    instance.columns = claim.fence_token
    session.flush()


def _in_threads(act: Callable[[int], None], count: int) -> None:
    start = threading.Barrier(count)

    def begin_together(number: int) -> None:
        start.wait()
        act(number)

    threads = [threading.Thread(target=begin_together, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
