"""When the database's clock steps, waits and leases go on as if it had not.

A clock set back by an hour would keep every wait an hour longer; set forward, it would end every
lease while its holder is at work. What the step was shows by the monotonic clock, which has none.
One process at a time may move waits: that is the beat.
"""

import time
from dataclasses import dataclass
from datetime import datetime
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


def look_at_clock(session: Session) -> Look:
    return Look(session.execute(select(database_now())).scalar_one(), time.monotonic())


def step_seconds(before: Look, now: Look) -> float:
    """How far the database's clock stepped between two looks: below zero, it was set back."""
    passed_seconds = now.monotonic_seconds - before.monotonic_seconds
    stepped = (now.database - before.database).total_seconds() - passed_seconds
    return stepped if abs(stepped) >= STEP_SECONDS else 0.0


def move_waits(session: Session, seconds: float) -> None:
    """All that waits for a moment waits for the same moment of the clock as it is now."""
    for column, which in _waits():
        _set(session, column, later(column, seconds), which)


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
