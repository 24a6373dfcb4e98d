"""One mechanism for all work: a job is offered, claimed under a lease and a fence, and ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import SystemRandom

from sqlalchemy import (
    Select,
    Update,
    and_,
    func,
    literal,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.orm import Session, aliased
from sqlalchemy.sql.elements import ColumnElement

from db.clock import database_now
from db.priorities import OfferRoom, offer_room, pick_urgent
from db.retry import RetryPolicy
from db.states import JobKind, JobState
from db.studies import lock_studies_of
from db.tables import (
    OPEN_JOB,
    RUNNING_JOB,
    Consignment,
    Job,
    Report,
)
from db.upsert import insert_each_unless_present, insert_unless_present

__all__ = ["BuriedJob", "Claim", "ClaimLost", "JobKind", "JobState", "Lane", "RetryPolicy"]

OPEN = (JobState.WAITING, JobState.RUNNING)
WORKER_DIED = "the worker stopped without a word at each of {} attempts"


class ClaimLost(Exception):
    """Another worker holds the job, or it has ended: drop the work, write nothing."""


@dataclass(frozen=True)
class Claim:
    """The right to work on a job; the fence token tells its holder from every other."""

    job_id: int
    kind: JobKind
    subject_id: int
    attempt: int
    fence_token: int


@dataclass(frozen=True)
class BuriedJob:
    job_id: int
    kind: JobKind
    subject_id: int
    attempt: int
    error: str


@dataclass(frozen=True)
class Lane:
    """The jobs of a kind that speak to the same destination; None: those that speak to none."""

    kind: JobKind
    name: str | None = None

    @property
    def condition(self) -> ColumnElement[bool]:
        return and_(
            Job.kind == self.kind,
            Job.lane.is_(None) if self.name is None else Job.lane == self.name,
        )


def add_job(
    session: Session,
    kind: JobKind,
    subject_id: int,
    *,
    priority: int = 0,
    lane: str | None = None,
) -> None:
    """Ask for work on the subject; nothing changes where such a job is already open."""
    values = {"kind": kind, "subject_id": subject_id, "priority": priority, "lane": lane}
    insert_unless_present(session, Job, values)


def add_jobs(session: Session, kind: JobKind, subjects: Select[int], *, priority: int) -> None:
    """The same for every subject that is selected, in one statement however many they are."""
    found = subjects.subquery()
    rows = select(
        literal(kind, Job.kind.type), found.c[0], literal(priority), database_now()
    ).where(found.c[0].is_not(None))
    columns = ("kind", "subject_id", "priority", "next_attempt_at")
    insert_each_unless_present(session, Job, columns, rows)


def has_open_twin() -> ColumnElement[bool]:
    """Whether such a job on the same subject is open: a dead one must not be opened beside it."""
    other = aliased(Job)
    same = (other.kind == Job.kind, other.subject_id == Job.subject_id)
    return select(other.id).where(*same, other.state.in_(OPEN)).exists()


def lane_of(session: Session, job_id: int) -> Lane:
    return Lane(*session.execute(select(Job.kind, Job.lane).where(Job.id == job_id)).one())


def offer_due_jobs(
    session: Session,
    lane: Lane,
    *,
    window: int,
    offer_seconds: float,
    most: int | None = None,
) -> list[int]:
    """The ids of due jobs, most urgent first, at most `window` of them offered and unclaimed.

    Of a destination's lane, `window` counts those under way too. An offer is a hint that runs out:
    a lost message only delays its job by `offer_seconds`.
    """
    room = offer_room(session, _taking_room(lane), window=window)
    if most is not None:
        room = OfferRoom(min(room.jobs, most), min(room.starved_jobs, most))
    if room.jobs == 0:
        return []
    due = (
        select(Job.id)
        # The very text of the partial indexes: with bound values SQLite would not use them.
        .where(text(OPEN_JOB), lane.condition, _is_due(), ~_is_offered(), *_not_yet(lane))
        .with_for_update(skip_locked=True)
    )
    ids = pick_urgent(session, due, room)
    if ids:  # a beat that finds nothing to do, every second, writes nothing
        offered = {"offered_until": database_now(offer_seconds)}
        session.execute(_update_jobs(Job.id.in_(ids)).values(offered))
    return ids


def claim_job(session: Session, job_id: int, *, lease_seconds: float) -> Claim | None:
    """Take the job if it is due or its holder's lease ran out; None if there is nothing to do."""
    claimed = (
        _update_jobs(Job.id == job_id, _is_due(), ~_follows_a_running_one())
        .values(
            state=JobState.RUNNING,
            attempt=Job.attempt + 1,
            fence_token=Job.fence_token + 1,
            lease_until=database_now(lease_seconds),
            offered_until=None,
            first_claimed_at=func.coalesce(Job.first_claimed_at, database_now()),
        )
        .returning(Job.id, Job.kind, Job.subject_id, Job.attempt, Job.fence_token)
    )
    row = session.execute(claimed).one_or_none()
    return None if row is None else Claim(*row)


def heartbeat(session: Session, claim: Claim, *, lease_seconds: float) -> None:
    """Prolong the lease from now on."""
    _write_under_fence(session, claim, lease_until=database_now(lease_seconds))


def hold(session: Session, claim: Claim) -> None:
    """Keep the job ours until this transaction ends, so that what it writes is written once."""
    held = select(Job.id).where(_is_ours(claim)).with_for_update()
    if session.execute(held).one_or_none() is None:
        raise ClaimLost(claim)


def finish_job(session: Session, claim: Claim) -> None:
    _write_under_fence(session, claim, state=JobState.DONE, finished_at=database_now())


def fail_job(session: Session, claim: Claim, *, error: str, policy: RetryPolicy) -> JobState:
    """Wait for another attempt, or die of the last one."""
    if policy.exhausted_by(claim.attempt):
        bury_job(session, claim, error=error)
        return JobState.DEAD
    delay_seconds = policy.delay_seconds(claim.attempt, SystemRandom())
    _write_under_fence(
        session,
        claim,
        state=JobState.WAITING,
        next_attempt_at=database_now(delay_seconds),
        last_error=error,
    )
    return JobState.WAITING


def put_off_job(session: Session, claim: Claim, *, error: str, delay_seconds: float) -> None:
    """Wait, and count no attempt: what is missing says nothing about the job."""
    _write_under_fence(
        session,
        claim,
        state=JobState.WAITING,
        attempt=claim.attempt - 1,
        next_attempt_at=database_now(delay_seconds),
        last_error=error,
    )


def bury_job(session: Session, claim: Claim, *, error: str) -> None:
    """Give the job up at once: another attempt would fail alike."""
    _write_under_fence(
        session, claim, state=JobState.DEAD, last_error=error, finished_at=database_now()
    )


def bury_exhausted_jobs(
    session: Session, policies: Mapping[JobKind, RetryPolicy]
) -> list[BuriedJob]:
    """Give up the jobs whose worker died at every attempt they are granted."""
    return [
        buried
        for kind, policy in policies.items()
        if policy.max_attempts is not None
        for buried in _bury_exhausted(session, kind, policy.max_attempts)
    ]


def _bury_exhausted(session: Session, kind: JobKind, max_attempts: int) -> Sequence[BuriedJob]:
    error = WORKER_DIED.format(max_attempts)
    exhausted = and_(Job.kind == kind, _lease_is_over(), Job.attempt >= max_attempts)
    if kind is JobKind.ANALYSE:
        lock_studies_of(session, select(Job.subject_id).where(exhausted))
    buried = (
        _update_jobs(exhausted)
        .values(state=JobState.DEAD, last_error=error, finished_at=database_now())
        .returning(Job.id, Job.kind, Job.subject_id, Job.attempt)
    )
    return [BuriedJob(*row, error=error) for row in session.execute(buried)]


def _write_under_fence(session: Session, claim: Claim, **values: object) -> None:
    written = _update_jobs(_is_ours(claim)).values(**values).returning(Job.id)
    if session.execute(written).one_or_none() is None:
        raise ClaimLost(claim)


def _update_jobs(*conditions: ColumnElement[bool]) -> Update:
    return update(Job).where(*conditions).execution_options(synchronize_session=False)


def _is_ours(claim: Claim) -> ColumnElement[bool]:
    return and_(
        Job.id == claim.job_id,
        Job.state == JobState.RUNNING,
        Job.fence_token == claim.fence_token,
    )


def _is_due() -> ColumnElement[bool]:
    waited = and_(Job.state == JobState.WAITING, Job.next_attempt_at <= database_now())
    return or_(waited, _lease_is_over())


def _not_yet(lane: Lane) -> list[ColumnElement[bool]]:
    """What could not be claimed would take the place of what can."""
    return [~_follows_a_running_one()] if lane.kind is JobKind.DELIVER else []


def _follows_a_running_one() -> ColumnElement[bool]:
    """Whether an earlier revision is just being sent to the same destination.

    Receivers of messages keep what came last: it has to be the newest.
    """
    ours, earlier = aliased(Consignment), aliased(Consignment)
    our_report, earlier_report = aliased(Report), aliased(Report)
    running = aliased(Job)
    under_way = (
        select(running.id)
        .join(earlier, earlier.id == running.subject_id)
        .join(earlier_report, earlier_report.id == earlier.report_id)
        .join(our_report, our_report.study_id == earlier_report.study_id)
        .join(ours, ours.report_id == our_report.id)
        .where(
            ours.id == Job.subject_id,
            ours.destination == earlier.destination,
            earlier_report.revision < our_report.revision,
            running.kind == JobKind.DELIVER,
            running.state == JobState.RUNNING,
            running.lease_until > database_now(),
        )
    )
    return and_(Job.kind == JobKind.DELIVER, under_way.exists())


def _lease_is_over() -> ColumnElement[bool]:
    return and_(Job.state == JobState.RUNNING, Job.lease_until <= database_now())


def _is_offered() -> ColumnElement[bool]:
    return func.coalesce(Job.offered_until > database_now(), False)


def _taking_room(lane: Lane) -> list[ColumnElement[bool]]:
    """What is offered and not claimed; of a destination what is under way too.

    Two conditions, because each can follow an index; a claimed job is no longer offered.
    """
    offered = and_(lane.condition, Job.offered_until > database_now())
    if lane.name is None:
        return [offered]
    return [offered, and_(text(RUNNING_JOB), lane.condition, ~_lease_is_over())]
