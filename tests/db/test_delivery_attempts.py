"""Each attempt at a delivery is kept with its time and what it met, whoever ended it."""

from sqlalchemy import Engine, select, update

from db.clock import database_now
from db.delivery_view import AttemptView, read_deliveries
from db.jobs import JobKind, bury_job, claim_job, fail_job, put_off_job
from db.retry import RetryPolicy
from db.session import reading, transaction
from db.states import JobState
from db.tables import Job, JobAttempt, Study
from tests.db.ledger import FRACTURE, analyse, claim, deliver, receive, received, report

EVER = RetryPolicy(max_attempts=None, first_delay_seconds=0, max_delay_seconds=0)


def ended(engine: Engine) -> list[AttemptView]:
    with reading(engine) as session:
        study = session.scalars(select(Study)).one()
        (delivery,) = read_deliveries(session, study)
        (work,) = delivery.attempts
        return list(work.ended)


def test_attempts_are_told_one_by_one(ledger: Engine) -> None:
    receive(ledger, received(1))
    analyse(ledger, FRACTURE)
    report(ledger, "PACS")
    assert ended(ledger) == []
    for error in ("no answer", "refused: out of resources"):
        ours = claim(ledger, JobKind.DELIVER)
        with transaction(ledger) as session:
            fail_job(session, ours, error=error, policy=EVER)
            session.execute(update(Job).values(next_attempt_at=database_now(-1)))
    ours = claim(ledger, JobKind.DELIVER)
    with transaction(ledger) as session:
        put_off_job(session, ours, error="its file is away", delay_seconds=-1)
    deliver(ledger)
    told = ended(ledger)
    assert [(one.state, one.error) for one in told] == [
        (JobState.DONE, None),
        (JobState.WAITING, "its file is away"),
        (JobState.WAITING, "refused: out of resources"),
        (JobState.WAITING, "no answer"),
    ]
    assert [one.attempt for one in told] == [3, 3, 2, 1]
    times = [one.ended_at for one in told]
    assert times == sorted(times, reverse=True)


def test_what_is_no_delivery_and_what_only_begins_is_not_kept(ledger: Engine) -> None:
    receive(ledger, received(1))
    given_up = claim(ledger, JobKind.ANALYSE)
    with transaction(ledger) as session:
        assert claim_job(session, given_up.job_id, lease_seconds=60) is None
        bury_job(session, given_up, error="no pixels")
    with reading(ledger) as session:
        assert session.scalars(select(JobAttempt)).all() == []
