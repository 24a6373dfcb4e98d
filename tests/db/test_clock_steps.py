"""A step of the database's clock: seen by the monotonic one, and made good in what waits."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import Engine, select, update

from db.clock import database_now, later
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
def test_what_waited_as_the_clock_stepped_is_moved(ledger: Engine, step: float) -> None:
    """The clock of the test's database is right: it is the waits that are of another time."""
    before, now = _looks(ledger, step)
    _set_moments(ledger, -step)
    expected = _moments(ledger)
    with transaction(ledger) as session:
        move_waits(session, before, now, lease_seconds=60)
    moved = zip(expected, _moments(ledger), strict=True)
    assert [(after - was).total_seconds() for was, after in moved] == pytest.approx([step] * 3)


@pytest.mark.parametrize("step", [HOUR, -HOUR])
def test_what_was_written_since_the_step_stays(ledger: Engine, step: float) -> None:
    lease, due, _ = _moments(ledger)
    with transaction(ledger) as session:
        move_waits(session, *_looks(ledger, step), lease_seconds=60)
    assert _moments(ledger)[:2] == [lease, due]


def test_what_waits_longer_than_anything_has_to_is_cut(ledger: Engine) -> None:
    _set_moments(ledger, 30 * 24 * HOUR)
    with transaction(ledger) as session:
        cut_waits(session)
    now = _now(ledger).database
    left = [(moment - now).total_seconds() for moment in _moments(ledger)]
    assert left == pytest.approx([HOUR, HOUR, 300], abs=20)


def test_what_waits_as_it_may_is_left_alone(ledger: Engine) -> None:
    before = _moments(ledger)
    with transaction(ledger) as session:
        cut_waits(session)
    assert _moments(ledger) == before


def test_an_answer_that_took_long_tells_no_time(
    ledger: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a stall of ten seconds would be a step back, and the look after it one forward."""
    moments = iter((100.0, 110.0))
    monkeypatch.setattr("db.clock_steps.time", SimpleNamespace(monotonic=lambda: next(moments)))
    with reading(ledger) as session:
        assert look_at_clock(session) is None


def _now(ledger: Engine) -> Look:
    with reading(ledger) as session:
        now = look_at_clock(session)
    assert now is not None
    return now


def _looks(ledger: Engine, step: float) -> tuple[Look, Look]:
    """Ten seconds apart by the monotonic clock; the step is what the other shows beyond."""
    now = _now(ledger)
    shown = timedelta(seconds=10 + step)
    return Look(now.database - shown, now.monotonic_seconds - 10), now


def _set_moments(ledger: Engine, seconds: float) -> None:
    with transaction(ledger) as session:
        for column in (Job.lease_until, Job.next_attempt_at, Destination.rests_until):
            session.execute(update(column.class_).values({column: later(column, seconds)}))


def _moments(ledger: Engine) -> list[datetime]:
    """When the lease ends, when the other job is due, and when the destination has rested."""
    with reading(ledger) as session:
        lease = session.scalars(select(Job.lease_until).where(Job.lease_until.is_not(None))).one()
        due = session.scalars(select(Job.next_attempt_at).where(Job.state == "waiting")).one()
        rest = session.scalars(select(Destination.rests_until)).one()
    assert lease is not None and rest is not None
    return [lease, due, rest]
