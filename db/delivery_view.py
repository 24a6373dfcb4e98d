"""What became of a study's reports on the way: each consignment, its objects and its attempts."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, aliased

from db.results import RESULT_DELIVERY
from db.states import DeliveryState, JobKind, JobState, ObjectKind
from db.tables import (
    CommitmentRequest,
    Consignment,
    Delivery,
    Instance,
    Job,
    JobAttempt,
    Report,
    ResultObject,
    Study,
)

MOST_ATTEMPTS = 20


@dataclass(frozen=True)
class ItemView:
    """One object on its way to a destination, and what was sent in its place.

    `shows` is the SOP Instance UID of the image it is of.
    """

    kind: ObjectKind
    shows: str | None
    state: DeliveryState
    reason: str | None
    sent_kind: ObjectKind | None
    status: int | None
    warning: str | None
    sendings: int
    sent_at: datetime | None
    committed_at: datetime | None


@dataclass(frozen=True)
class AttemptView:
    """How one attempt ended: the job's state from then on, and what it met."""

    attempt: int
    state: JobState
    error: str | None
    ended_at: datetime


@dataclass(frozen=True)
class AttemptsView:
    """The work for a consignment: how often it was tried, and how the newest attempts ended."""

    kind: JobKind
    state: JobState
    attempt: int
    last_error: str | None
    next_attempt_at: datetime
    finished_at: datetime | None
    ended: tuple[AttemptView, ...]  # the newest first, at most MOST_ATTEMPTS


@dataclass(frozen=True)
class QuestionView:
    """One Storage Commitment request to the destination."""

    asked_at: datetime
    answered_at: datetime | None


@dataclass(frozen=True)
class DeliveryView:
    """What a destination gets of a report: its row of `result_delivery`, and its history."""

    row: dict[str, Any]
    items: tuple[ItemView, ...]
    attempts: tuple[AttemptsView, ...]
    questions: tuple[QuestionView, ...]


def read_deliveries(session: Session, study: Study) -> tuple[DeliveryView, ...]:
    view = RESULT_DELIVERY.c
    asked = select(RESULT_DELIVERY).where(view.study_instance_uid == study.study_instance_uid)
    newest_first = asked.order_by(view.revision.desc(), view.consignment_id)
    rows = [dict(row) for row in session.execute(newest_first).mappings()]
    of_study = select(Consignment.id).join(Report).where(Report.study_id == study.id)
    items, attempts = _items(session, of_study), _attempts(session, of_study)
    questions = _questions(session, of_study)
    return tuple(
        DeliveryView(row, tuple(items[one]), tuple(attempts[one]), tuple(questions[one]))
        for row in rows
        if (one := row["consignment_id"])
    )


def _items(session: Session, of_study: Select[int]) -> dict[int, list[ItemView]]:
    meant, sent = aliased(ResultObject), aliased(ResultObject)
    asked: Select[*tuple[Any, ...]] = (
        select(
            Delivery.consignment_id,
            meant.kind,
            Instance.sop_instance_uid,
            Delivery.state,
            Delivery.reason,
            sent.kind,
            Delivery.status,
            Delivery.warning,
            Delivery.sendings,
            Delivery.sent_at,
            Delivery.committed_at,
        )
        .join(meant, meant.id == Delivery.object_id)
        .outerjoin(sent, sent.id == Delivery.sent_object_id)
        .outerjoin(Instance, Instance.id == meant.instance_id)
        .where(Delivery.consignment_id.in_(of_study))
        .order_by(Delivery.id)
    )
    found: defaultdict[int, list[ItemView]] = defaultdict(list)
    for row in session.execute(asked):
        found[row[0]].append(ItemView(*row[1:]))
    return found


def _attempts(session: Session, of_study: Select[int]) -> dict[int, list[AttemptsView]]:
    asked = (
        select(
            Job.subject_id,
            Job.id,
            Job.kind,
            Job.state,
            Job.attempt,
            Job.last_error,
            Job.next_attempt_at,
            Job.finished_at,
        )
        .where(Job.kind.in_((JobKind.DELIVER, JobKind.CONFIRM)), Job.subject_id.in_(of_study))
        .order_by(Job.id)
    )
    ended = _ended(session, of_study)
    found: defaultdict[int, list[AttemptsView]] = defaultdict(list)
    for row in session.execute(asked):
        found[row[0]].append(AttemptsView(*row[2:], tuple(ended[row[1]])))
    return found


def _ended(session: Session, of_study: Select[int]) -> dict[int, list[AttemptView]]:
    """By job; a destination that is away for weeks makes many."""
    place = func.row_number().over(partition_by=JobAttempt.job_id, order_by=JobAttempt.id.desc())
    numbered = (
        select(JobAttempt.id, place.label("place"))
        .join(Job, Job.id == JobAttempt.job_id)
        .where(Job.kind.in_((JobKind.DELIVER, JobKind.CONFIRM)), Job.subject_id.in_(of_study))
        .subquery()
    )
    asked = (
        select(JobAttempt)
        .join(numbered, numbered.c.id == JobAttempt.id)
        .where(numbered.c.place <= MOST_ATTEMPTS)
        .order_by(JobAttempt.id.desc())
    )
    found: defaultdict[int, list[AttemptView]] = defaultdict(list)
    for row in session.scalars(asked):
        view = AttemptView(row.attempt, JobState(row.state), row.error, row.ended_at)
        found[row.job_id].append(view)
    return found


def _questions(session: Session, of_study: Select[int]) -> dict[int, list[QuestionView]]:
    columns = (CommitmentRequest.asked_at, CommitmentRequest.answered_at)
    asked = (
        select(CommitmentRequest.consignment_id, *columns)
        .where(CommitmentRequest.consignment_id.in_(of_study))
        .order_by(CommitmentRequest.id)
    )
    found: defaultdict[int, list[QuestionView]] = defaultdict(list)
    for row in session.execute(asked):
        found[row[0]].append(QuestionView(*row[1:]))
    return found
