"""The jobs as a person sees them: what each is about, how many there are, and a new start."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ScalarSelect, Select, and_, case, func, select, text, update
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql.elements import ColumnElement

from db.clock import database_now
from db.jobs import has_open_twin
from db.states import DeliveryState, JobKind, JobState
from db.studies import concerns_blocked_study
from db.tables import (
    DEAD_JOB,
    OPEN_JOB,
    Consignment,
    Delivery,
    Instance,
    Job,
    PeerRequest,
    Report,
    Series,
    Study,
)


@dataclass(frozen=True)
class ListedJob:
    """A job as a person sees it: its subject by UID, a delivery by destination and UID."""

    job_id: int
    kind: JobKind
    subject: str
    state: JobState
    priority: int
    attempt: int
    last_error: str | None
    created_at: datetime
    next_attempt_at: datetime
    lease_until: datetime | None
    finished_at: datetime | None
    study_instance_uid: str | None  # None: the work is about no single study


@dataclass(frozen=True)
class JobTotals:
    """How many jobs of each kind there are in all, up to the one of this number."""

    jobs: Mapping[JobKind, int] = field(default_factory=dict)
    counted_to: int = 0


def requeue_jobs(session: Session, ids: Collection[int]) -> int:
    """Give dead jobs a new start; how many. Not where another is open or the study is blocked."""
    return sum(_requeue(session, job_id) for job_id in sorted(ids))


def list_jobs(
    session: Session,
    *,
    states: Collection[JobState],
    after_id: int = 0,
    limit: int | None = None,
) -> list[ListedJob]:
    """The jobs in these states, oldest first; of many the next `limit` after the job named."""
    listed: Select[*tuple[Any, ...]] = (
        select(
            Job.id,
            Job.kind,
            _subject(),
            Job.state,
            Job.priority,
            Job.attempt,
            Job.last_error,
            Job.created_at,
            Job.next_attempt_at,
            Job.lease_until,
            Job.finished_at,
            _study_instance_uid(),
        )
        .where(_is_in(states), Job.id > after_id)
        .order_by(Job.id)
        .limit(limit)
    )
    return [ListedJob(*row) for row in session.execute(listed)]


def count_jobs(
    session: Session, totals: JobTotals | None = None
) -> dict[JobKind, dict[JobState, int]]:
    """How many jobs of each kind are in each state, zeros included.

    What is done, nearly all of years, is what is left of all; `totals`, if there are some, are all.
    """
    counts = {kind: dict.fromkeys(JobState, 0) for kind in JobKind}
    for condition in (OPEN_JOB, DEAD_JOB):
        counted = select(Job.kind, Job.state, func.count()).where(text(condition))
        for kind, state, number in session.execute(counted.group_by(Job.kind, Job.state)):
            counts[kind][state] = number
    by_kind = select(Job.kind, func.count()).group_by(Job.kind)
    jobs = totals.jobs if totals else dict(session.execute(by_kind).all())
    for kind, number in jobs.items():
        counts[kind][JobState.DONE] = max(number - sum(counts[kind].values()), 0)
    return counts


def total_jobs(session: Session, known: JobTotals) -> JobTotals:
    """What is known, and what has come since: no job is ever removed, or of another kind."""
    # Not grouped: SQLite would follow the kinds' index through all of them.
    counted = [func.count().filter(Job.kind == kind) for kind in JobKind]
    *numbers, last = session.execute(
        select(*counted, func.max(Job.id)).where(Job.id > known.counted_to)
    ).one()
    jobs = {
        kind: known.jobs.get(kind, 0) + number
        for kind, number in zip(JobKind, numbers, strict=True)
    }
    return JobTotals(jobs, last or known.counted_to)


def oldest_open_jobs(session: Session) -> dict[JobKind, datetime]:
    """Since when the oldest open job of each kind has been asked for; no entry: none is open."""
    oldest = select(func.min(Job.id)).where(text(OPEN_JOB)).group_by(Job.kind)
    asked = select(Job.kind, Job.created_at).where(Job.id.in_(oldest))
    return dict(session.execute(asked).all())


def dead_jobs_like(session: Session, job_id: int) -> list[int]:
    """The ids of the dead jobs of this one's kind and reason, in order; none if it is not dead."""
    like = select(Job.kind, Job.last_error).where(Job.id == job_id, text(DEAD_JOB))
    row = session.execute(like).one_or_none()
    if row is None:
        return []
    asked = (
        select(Job.id)
        .where(text(DEAD_JOB), Job.kind == row.kind)
        .where(Job.last_error.is_not_distinct_from(row.last_error))
        .order_by(Job.id)
    )
    return list(session.scalars(asked))


def _is_in(states: Collection[JobState]) -> ColumnElement[bool]:
    """Of the dead, few of many, by their index: else SQLite goes through all in order."""
    if set(states) == {JobState.DEAD}:
        return Job.id.in_(select(Job.id).where(text(DEAD_JOB)))
    return Job.state.in_(states)


def _subject() -> ColumnElement[str]:
    consigned = (
        select(Consignment.destination + " " + Study.study_instance_uid)
        .join(Report, Report.id == Consignment.report_id)
        .join(Study, Study.id == Report.study_id)
    )
    return case(
        (Job.kind == JobKind.ANALYSE, _uid(Instance.sop_instance_uid, Instance.id)),
        (Job.kind == JobKind.REPORT, _uid(Study.study_instance_uid, Study.id)),
        (Job.kind == JobKind.ANSWER, _uid(PeerRequest.transaction_uid, PeerRequest.id)),
        else_=consigned.where(Consignment.id == Job.subject_id).scalar_subquery(),
    )


def _study_instance_uid() -> ColumnElement[str | None]:
    uid = select(Study.study_instance_uid)
    of_instance = uid.join(Series, Series.study_id == Study.id).join(
        Instance, Instance.series_id == Series.id
    )
    of_consignment = uid.join(Report, Report.study_id == Study.id).join(
        Consignment, Consignment.report_id == Report.id
    )
    return case(
        (
            Job.kind == JobKind.ANALYSE,
            of_instance.where(Instance.id == Job.subject_id).scalar_subquery(),
        ),
        (Job.kind == JobKind.REPORT, uid.where(Study.id == Job.subject_id).scalar_subquery()),
        (
            Job.kind.in_((JobKind.DELIVER, JobKind.CONFIRM)),
            of_consignment.where(Consignment.id == Job.subject_id).scalar_subquery(),
        ),
        else_=None,
    )


def _uid(uid: InstrumentedAttribute[str], row_id: InstrumentedAttribute[int]) -> ScalarSelect[str]:
    return select(uid).where(row_id == Job.subject_id).scalar_subquery()


def _requeue(session: Session, job_id: int) -> int:
    may_run = and_(~has_open_twin(), ~concerns_blocked_study())
    restarted = (
        update(Job)
        .where(Job.id == job_id, Job.state == JobState.DEAD, may_run)
        .values(state=JobState.WAITING, attempt=0, next_attempt_at=database_now(), finished_at=None)
        .returning(Job.kind, Job.subject_id)
        .execution_options(synchronize_session=False)
    )
    row = session.execute(restarted).one_or_none()
    if row is not None and row.kind == JobKind.DELIVER:
        again = update(Delivery).where(
            Delivery.consignment_id == row.subject_id, Delivery.state == DeliveryState.REFUSED
        )
        session.execute(again.values(state=DeliveryState.QUEUED, sendings=0))
    return 0 if row is None else 1
