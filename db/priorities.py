"""How urgent work is: a study's priority only rises, and what has starved gets its share."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from sqlalchemy import ScalarSelect, Select, func, select, text, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from db.clock import database_now
from db.states import JobKind, JobState
from db.studies import consignments_of, instances_of
from db.tables import OPEN_JOB, Job, Study

MAX_STARVATION_SECONDS = 600.0
# Were the starved first without limit, a night's backlog would bar the way of the next emergency.
_STARVED_SHARE = 4


class Priority(IntEnum):
    """What `Job.priority` holds; NORMAL where nobody said anything."""

    LOW = -10
    NORMAL = 0
    HIGH = 10
    STAT = 20


@dataclass(frozen=True)
class OfferRoom:
    """How many more jobs may be offered, and how many of them for having starved."""

    jobs: int
    starved_jobs: int


def raise_priority(session: Session, study: Study, priority: int) -> None:
    """Lift the locked study, and with it its open jobs, to this priority; nothing is lowered."""
    if priority <= study.priority:
        return
    study.priority = priority
    for kind, subjects in _subjects(study.id).items():
        lower = update(Job).where(
            Job.kind == kind,
            Job.subject_id.in_(subjects),
            Job.state.in_([JobState.WAITING, JobState.RUNNING]),
            Job.priority < priority,
        )
        session.execute(
            lower.values(priority=priority).execution_options(synchronize_session=False)
        )


def offer_room(
    session: Session,
    taking_room: Sequence[ColumnElement[bool]],
    *,
    window: int,
    max_starvation_seconds: float = MAX_STARVATION_SECONDS,
) -> OfferRoom:
    """The room that is left where at most `window` open jobs may take it up.

    No job meets two of the conditions. A part of the room, one job at least, is open to jobs that
    have starved.
    """
    starved = func.count().filter(_is_starved(max_starvation_seconds))
    counted = [
        session.execute(select(func.count(), starved).where(text(OPEN_JOB), condition)).one()
        for condition in taking_room
    ]
    all_taken, starved_taken = (sum(column) for column in zip(*counted, strict=True))
    room = max(window - all_taken, 0)
    share = max(window // _STARVED_SHARE, 1)
    return OfferRoom(room, min(room, max(share - starved_taken, 0)))


def pick_urgent(
    session: Session,
    due: Select[int],
    room: OfferRoom,
    *,
    max_starvation_seconds: float = MAX_STARVATION_SECONDS,
) -> list[int]:
    """The jobs to offer now, of those that `due` selects: the starved, then by priority and age.

    Two statements, because each can follow an index: one that sorts by both reads every open job.
    """
    starved = due.where(_is_starved(max_starvation_seconds))
    oldest = starved.order_by(Job.next_attempt_at, Job.id).limit(room.starved_jobs)
    first = list(session.scalars(oldest)) if room.starved_jobs else []
    others = due.where(Job.id.not_in(first)) if first else due
    by_priority = others.order_by(Job.priority.desc(), Job.next_attempt_at, Job.id)
    return [*first, *session.scalars(by_priority.limit(room.jobs - len(first)))]


def _is_starved(max_starvation_seconds: float) -> ColumnElement[bool]:
    # Since it last became due: a delivery that waits for an absent peer does not starve.
    return Job.next_attempt_at <= _moment(-max_starvation_seconds)


def _moment(offset_seconds: float = 0) -> ScalarSelect[datetime]:
    # As a subquery it is asked for once, and PostgreSQL can look the answer up in an index.
    return select(database_now(offset_seconds)).scalar_subquery()


def _subjects(study_id: int) -> dict[JobKind, Select[int]]:
    """What the study's jobs are about. A statement for each kind finds them by index."""
    this = Study.id == study_id
    return {
        JobKind.ANALYSE: instances_of(this),
        JobKind.REPORT: select(Study.id).where(this),
        JobKind.DELIVER: consignments_of(this),
        JobKind.CONFIRM: consignments_of(this),
    }
