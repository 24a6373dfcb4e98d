"""Study, then job, then deliveries: who locks otherwise meets the others head-on (PostgreSQL)."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from db.analyses import save_analysis
from db.commitments import (
    ask_for_proof,
    load_confirmation,
    record_answer,
    record_found,
    save_request,
)
from db.jobs import (
    Claim,
    JobKind,
    JobState,
    RetryPolicy,
    add_job,
    bury_exhausted_jobs,
    claim_job,
    hold,
)
from db.reports import save_report
from db.session import transaction
from db.studies import lock_study
from db.tables import Delivery, Job
from db.withdrawal import ask_again, note_withdrawal
from tests.db.ledger import (
    FRACTURE,
    analyse,
    claim,
    deliver,
    in_transaction,
    open_claimed_report,
    outcome_of,
    receive,
    received,
    report,
    rows,
    settle,
)
from tests.waiting import wait_for

Answer = TypeVar("Answer")

pytestmark = pytest.mark.parametrize("ledger_url", ["postgresql"], indirect=True)


@pytest.fixture
def others() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as threads:
        yield threads


def begin(
    ledger: Engine, others: ThreadPoolExecutor, act: Callable[[Session], Answer]
) -> "Future[Answer]":
    """Another transaction that has begun to act, and waits for a lock of ours."""
    acting = others.submit(in_transaction, ledger, act)
    wait_for(lambda: _waits_for_a_lock(ledger), "a transaction that waits for a lock", 20)
    return acting


def _waits_for_a_lock(ledger: Engine) -> bool:
    waits = "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    with ledger.connect() as connection:
        return bool(connection.execute(text(waits)).scalar_one())


def assert_free(session: Session, table: type[Job] | type[Delivery]) -> None:
    """No other transaction has locked a row of it: NOWAIT is an error where one has."""
    session.execute(select(table.id).with_for_update(nowait=True)).all()


def test_a_job_is_given_up_after_its_study_was_locked(
    ledger: Engine, others: ThreadPoolExecutor
) -> None:
    receive(ledger, received())
    [job] = rows(ledger, Job)
    with transaction(ledger) as session:
        assert claim_job(session, job.id, lease_seconds=-1) is not None
    policies = {JobKind.ANALYSE: RetryPolicy(1, 1, 1)}
    with transaction(ledger) as session:
        lock_study(session, 1)
        acting = begin(ledger, others, lambda one: bury_exhausted_jobs(one, policies))
        assert_free(session, Job)
    assert len(acting.result()) == 1
    assert rows(ledger, Job)[0].state is JobState.DEAD


def test_an_answer_waits_for_the_job_before_it_touches_what_was_sent(
    ledger: Engine, others: ThreadPoolExecutor
) -> None:
    receive(ledger, received())
    analyse(ledger, FRACTURE)
    report(ledger, "PACS")
    deliver(ledger)
    with transaction(ledger) as session:
        ask_for_proof(session, 1, "PACS")
    ours = claim(ledger, JobKind.CONFIRM)
    with transaction(ledger) as session:
        save_request(session, ours, "2.25.1")
    kept = {"9.1.1.1", "9.1.1.3"}
    with transaction(ledger) as session:
        hold(session, ours)
        acting = begin(ledger, others, lambda one: record_answer(one, "2.25.1", kept, {}))
        assert_free(session, Delivery)
    assert acting.result()
    assert {one.state for one in rows(ledger, Delivery)} == {"committed"}


def record_all_found(session: Session, ours: Claim) -> None:
    order = load_confirmation(session, ours.subject_id)
    record_found(session, ours, order, {one.sop_instance_uid for one in order.objects}, "")


def answer_all_kept(session: Session, _ours: Claim) -> None:
    record_answer(session, "2.25.1", {"9.1.1.1", "9.1.1.3"}, {})


@pytest.mark.parametrize("end", [record_all_found, answer_all_kept])
def test_proof_waits_for_a_delivery_that_ends_before_it_touches_anything(
    ledger: Engine, others: ThreadPoolExecutor, end: Callable[[Session, Claim], None]
) -> None:
    receive(ledger, received())
    analyse(ledger, FRACTURE)
    report(ledger, "PACS")
    deliver(ledger)
    with transaction(ledger) as session:
        ask_for_proof(session, 1, "PACS")
    ours = claim(ledger, JobKind.CONFIRM)
    with transaction(ledger) as session:
        save_request(session, ours, "2.25.1")
        add_job(session, JobKind.DELIVER, 1, lane="PACS")
    delivering = claim(ledger, JobKind.DELIVER)
    with transaction(ledger) as session:
        hold(session, delivering)
        acting = begin(ledger, others, lambda one: end(one, ours))
        hold(session, ours)  # it has not locked this one first
        assert_free(session, Delivery)
    acting.result()
    assert {one.state for one in rows(ledger, Delivery)} == {"committed"}


def test_a_withdrawal_waits_for_an_answer_that_is_being_saved_and_asks_for_another(
    ledger: Engine, others: ThreadPoolExecutor
) -> None:
    receive(ledger, received())
    ours = claim(ledger, JobKind.ANALYSE)
    with transaction(ledger) as session:
        save_analysis(session, ours, FRACTURE)
        in_transaction(ledger, lambda one: note_withdrawal(one, "1.0", "it missed wrists"))
        acting = begin(ledger, others, lambda one: ask_again(one, "1.0"))
    acting.result()
    asked = [(job.kind, job.state) for job in rows(ledger, Job)]
    assert asked == [(JobKind.ANALYSE, JobState.DONE), (JobKind.ANALYSE, JobState.WAITING)]


def test_a_later_revision_waits_for_the_job_before_it_touches_what_is_queued(
    ledger: Engine, others: ThreadPoolExecutor
) -> None:
    receive(ledger, received(1))
    analyse(ledger, FRACTURE)
    report(ledger, "PACS")
    sending = claim(ledger, JobKind.DELIVER)
    receive(ledger, received(2))
    analyse(ledger, FRACTURE)
    settle(ledger)
    ours, subject = open_claimed_report(ledger)
    outcome = outcome_of(subject, "PACS")
    with transaction(ledger) as session:
        hold(session, sending)
        acting = begin(ledger, others, lambda one: save_report(one, ours, subject, outcome))
        assert_free(session, Delivery)
    assert acting.result() == 2
    assert [one.state for one in rows(ledger, Delivery)] == [
        "superseded",
        "queued",
        "queued",
        "queued",
    ]
