"""A step of the database's clock: seen by the monotonic one, and made good in what waits."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, select, update

from db.clock import database_now
from db.clock_steps import Look, cut_waits, look_at_clock, move_waits, step_seconds
from db.destinations import register_destination
from db.jobs import JobKind, add_job, claim_job
from db.session import open_ledger, reading, transaction
from db.tables import Destination, Job

HOUR = 3600.0
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Engine]:
    """One job waits, another is worked on, and a destination rests."""
    engine = open_ledger(ledger_url)
    with transaction(engine) as session:
        add_job(session, JobKind.ANALYSE, 1)
        add_job(session, JobKind.ANALYSE, 2)
        register_destination(session, "PACS")
        session.execute(update(Destination).values(rests_until=database_now(60)))
    with transaction(engine) as session:
        [first, _] = session.scalars(select(Job.id).order_by(Job.id))
        assert claim_job(session, first, lease_seconds=60)
    yield engine
    engine.dispose()


@pytest.mark.parametrize(
    ("passed", "shown", "step"),
    [(10, 10, 0), (10, 13, 0), (10, 3610, HOUR), (10, 10 - 86400, -86400), (10, 4, -6)],
)
def test_what_passed_by_both_clocks_is_no_step(passed: float, shown: float, step: float) -> None:
    now = Look(NOON + timedelta(seconds=shown), 100.0 + passed)
    assert step_seconds(Look(NOON, 100.0), now) == step


@pytest.mark.parametrize("step", [HOUR, -HOUR])
def test_all_that_waits_is_moved(ledger: Engine, step: float) -> None:
    before = _moments(ledger)
    with transaction(ledger) as session:
        move_waits(session, step)
    pairs = zip(before, _moments(ledger), strict=True)
    moved = [(after - was).total_seconds() for was, after in pairs]
    assert moved == pytest.approx([step] * 3, abs=0.01)


def test_what_waits_longer_than_anything_has_to_is_cut(ledger: Engine) -> None:
    with transaction(ledger) as session:
        move_waits(session, 30 * 24 * HOUR)
        cut_waits(session)
    with reading(ledger) as session:
        now = look_at_clock(session).database
    left = [(moment - now).total_seconds() for moment in _moments(ledger)]
    assert left == pytest.approx([HOUR, HOUR, 300], abs=20)


def test_what_waits_as_it_may_is_left_alone(ledger: Engine) -> None:
    before = _moments(ledger)
    with transaction(ledger) as session:
        cut_waits(session)
    assert _moments(ledger) == before


def _moments(ledger: Engine) -> list[datetime]:
    """When the lease ends, when the other job is due, and when the destination has rested."""
    with reading(ledger) as session:
        lease = session.scalars(select(Job.lease_until).where(Job.lease_until.is_not(None))).one()
        due = session.scalars(select(Job.next_attempt_at).where(Job.state == "waiting")).one()
        rest = session.scalars(select(Destination.rests_until)).one()
    assert lease is not None and rest is not None
    return [lease, due, rest]
