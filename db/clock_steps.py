"""When the database's clock steps, waits and leases go on as if it had not.

A clock set back by an hour would keep every wait an hour longer; set forward, it would end every
lease while its holder is at work. What the step was shows by the monotonic clock, which has none.
One process at a time may move waits: that is the beat.
"""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql.elements import ColumnElement

from db.clock import database_now, later
from db.states import JobState
from db.tables import Destination, Job, Study

# Less than a lease, and more than clocks are slewed by, or an answer takes to come.
STEP_SECONDS = 5.0
# The longest that anything is ever made to wait, by what it waits in.
_LONGEST_SECONDS = {"next_attempt_at": 3600.0, "rests_until": 300.0, "offered_until": 60.0}
_LONGEST_LEASE_SECONDS = 3600.0


@dataclass(frozen=True)
class Look:
    """What the database's clock and this process's monotonic one said at once."""

    database: datetime
    monotonic_seconds: float


def look_at_clock(session: Session) -> Look | None:
    """None: the answer took so long that nobody knows which moment it is of."""
    asked_at = time.monotonic()
    shown = session.execute(select(database_now())).scalar_one()
    answered_at = time.monotonic()
    return Look(shown, answered_at) if answered_at - asked_at < STEP_SECONDS / 2 else None


def step_seconds(before: Look, now: Look) -> float:
    """How far the database's clock stepped between two looks: below zero, it was set back."""
    shown_seconds = (now.database - before.database).total_seconds()
    stepped = shown_seconds - _passed_seconds(before, now)
    return stepped if abs(stepped) >= STEP_SECONDS else 0.0


def move_waits(session: Session, before: Look, now: Look, *, lease_seconds: float) -> None:
    """What waited as the clock stepped waits for the same moment, by the clock as it is now.

    What was written since the step is in its time already, and stays.
    """
    step = step_seconds(before, now)
    for column, which in _waits():
        is_of_before = _is_of_before(column, before, now, lease_seconds)
        _set(session, column, later(column, step), which & is_of_before)


def _is_of_before(
    column: InstrumentedAttribute[Any], before: Look, now: Look, lease_seconds: float
) -> ColumnElement[bool]:
    if step_seconds(before, now) > 0:
        return column < now.database - timedelta(seconds=_passed_seconds(before, now))
    # A wait that is ended too early costs an attempt made sooner, a lease would cost its holder.
    allowed_seconds = lease_seconds if column is Job.lease_until else 0.0
    return column > now.database + timedelta(seconds=allowed_seconds)


def _passed_seconds(before: Look, now: Look) -> float:
    return now.monotonic_seconds - before.monotonic_seconds


def cut_waits(session: Session) -> None:
    """What waits longer than anything ever has to: its clock was set back, and nobody saw it."""
    for column, which in _waits():
        most = _LONGEST_SECONDS.get(column.key, _LONGEST_LEASE_SECONDS)
        bound = database_now(0.0 if column.class_ is Study else most)
        _set(session, column, bound, which & (column > bound))


def _waits() -> list[tuple[InstrumentedAttribute[Any], ColumnElement[bool]]]:
    return [
        (Job.next_attempt_at, Job.state == JobState.WAITING),
        (Job.offered_until, (Job.state == JobState.WAITING) & Job.offered_until.is_not(None)),
        (Job.lease_until, Job.state == JobState.RUNNING),
        (Destination.rests_until, Destination.rests_until.is_not(None)),
        (Study.last_instance_at, Study.unreported_since.is_not(None)),
        (Study.unreported_since, Study.unreported_since.is_not(None)),
    ]


def _set(
    session: Session,
    column: InstrumentedAttribute[Any],
    value: ColumnElement[Any],
    which: ColumnElement[bool],
) -> None:
    moved = update(column.class_).where(which).values({column: value})
    session.execute(moved.execution_options(synchronize_session=False))
