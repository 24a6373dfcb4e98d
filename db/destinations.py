"""How each destination fares: one that fails rests, and then is tried by one job alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from random import SystemRandom

from sqlalchemy import and_, func, or_, select, text, update
from sqlalchemy.orm import Session

from db.clock import database_now
from db.jobs import JobKind, JobState, Lane
from db.retry import RetryPolicy
from db.tables import OPEN_JOB, Destination, Job
from db.upsert import insert_unless_present

# Once so many attempts in a row have failed, the destination is down: what waits for it is not
# tried job by job, and goes at once when it answers again.
DOWN_AFTER_FAILURES = 3
_AT_ONCE = 2
_RESTS = RetryPolicy(None, first_delay_seconds=2, max_delay_seconds=300)


@dataclass(frozen=True)
class DestinationState:
    """What a person is told of a destination."""

    name: str
    state: str  # up | failing | down
    waiting: int
    failures: int
    last_error: str | None
    rests_until: datetime | None
    failed_at: datetime | None
    answered_at: datetime | None


def register_destination(session: Session, name: str) -> None:
    insert_unless_present(session, Destination, {"name": name})


def open_lanes(session: Session, kind: JobKind) -> list[tuple[Lane, int]]:
    """The lanes of destinations that do not rest, and how many jobs may be under way in each."""
    awake = or_(Destination.rests_until.is_(None), Destination.rests_until <= database_now())
    asked = select(Destination.name, Destination.failures).where(awake).order_by(Destination.name)
    return [
        (Lane(kind, name), 1 if failures else _AT_ONCE) for name, failures in session.execute(asked)
    ]


def note_failure(session: Session, name: str, error: str) -> None:
    """The destination could not take it now: it rests, longer after each failure in a row."""
    row = _locked(session, name)
    if row is None:
        return
    row.failures += 1
    row.last_error = error
    row.failed_at = database_now()
    row.rests_until = database_now(_RESTS.delay_seconds(row.failures, SystemRandom()))


def note_answer(session: Session, name: str) -> None:
    """The destination answered; had it been down, all that waits for it may go at once."""
    row = _locked(session, name)
    if row is None:
        return
    if row.failures >= DOWN_AFTER_FAILURES:
        _hurry(session, name)
    row.failures = 0
    row.rests_until = None
    row.answered_at = database_now()


def destination_states(session: Session) -> Sequence[DestinationState]:
    waiting = (
        select(func.count())
        .where(Job.lane == Destination.name, text(OPEN_JOB), Job.kind == JobKind.DELIVER)
        .scalar_subquery()
    )
    asked = select(Destination, waiting).order_by(Destination.name)
    return [_state(row, count) for row, count in session.execute(asked)]


def _locked(session: Session, name: str) -> Destination | None:
    asked = select(Destination).where(Destination.name == name).with_for_update()
    return session.scalars(asked).one_or_none()


def _state(row: Destination, waiting: int) -> DestinationState:
    return DestinationState(
        name=row.name,
        state=_word(row.failures),
        waiting=waiting,
        failures=row.failures,
        last_error=row.last_error,
        rests_until=row.rests_until,
        failed_at=row.failed_at,
        answered_at=row.answered_at,
    )


def _word(failures: int) -> str:
    if failures == 0:
        return "up"
    return "failing" if failures < DOWN_AFTER_FAILURES else "down"


def _hurry(session: Session, name: str) -> None:
    waits = and_(Job.lane == name, Job.state == JobState.WAITING, Job.kind == JobKind.DELIVER)
    session.execute(
        update(Job)
        .where(waits)
        .values(next_attempt_at=database_now())
        .execution_options(synchronize_session=False)
    )
