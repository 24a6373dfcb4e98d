"""The jobs as a person sees them: what each is about, how many there are, and a new start."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ScalarSelect, and_, case, func, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql.elements import ColumnElement

from db.clock import database_now
from db.jobs import has_open_twin
from db.states import DeliveryState, JobKind, JobState
from db.studies import concerns_blocked_study
from db.tables import Consignment, Delivery, Instance, Job, PeerRequest, Report, Study


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


def requeue_jobs(session: Session, ids: Collection[int]) -> int:
    """Give dead jobs a new start; how many. Not where another is open or the study is blocked."""
    return sum(_requeue(session, job_id) for job_id in sorted(ids))


def list_jobs(session: Session, *, states: Collection[JobState]) -> list[ListedJob]:
    """The jobs in these states, oldest first."""
    listed = (
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
        )
        .where(Job.state.in_(states))
        .order_by(Job.id)
    )
    return [ListedJob(*row) for row in session.execute(listed)]


def count_jobs(session: Session) -> dict[JobKind, dict[JobState, int]]:
    """How many jobs of each kind are in each state, zeros included."""
    counts = {kind: dict.fromkeys(JobState, 0) for kind in JobKind}
    counted = select(Job.kind, Job.state, func.count()).group_by(Job.kind, Job.state)
    for kind, state, number in session.execute(counted):
        counts[kind][state] = number
    return counts


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
