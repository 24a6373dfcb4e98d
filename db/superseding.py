"""What a destination has not been sent and shall not be: something newer came first.

A later revision takes the place of an earlier report, not of its pictures, which go once. What a
withdrawn model said goes nowhere any more, pictures included. Rejection notes always go.
"""

from dataclasses import dataclass

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from db.clock import database_now
from db.counted_answers import PICTURES, CountedAnswers
from db.jobs import OPEN, has_open_twin
from db.states import DeliveryState, JobKind, JobState, ObjectKind
from db.tables import Consignment, Delivery, Job, Report, ResultObject

LATER_REVISION = "revision {} takes its place"
_TO_BE_SENT = (DeliveryState.QUEUED, DeliveryState.REFUSED)
_NEVER_SENT = (DeliveryState.OMITTED, DeliveryState.SUPERSEDED)


def supersede_study(session: Session, study_id: int) -> None:
    """Note what is overtaken of all that waits for a destination, or was refused by it.

    A job that is left with nothing to do ends, also one that a person was to look at.
    """
    _lock_jobs(session, study_id)
    touched = _supersede(session, study_id, Report.study_id == study_id)
    session.flush()
    _revive_jobs(session, touched)
    _end_idle_jobs(session, touched)


def supersede_consignment(session: Session, consignment: Consignment) -> None:
    """The same for one consignment, whose job is ours."""
    study_id = session.get_one(Report, consignment.report_id).study_id
    _supersede(session, study_id, Consignment.id == consignment.id)
    session.flush()


def _supersede(session: Session, study_id: int, condition: ColumnElement[bool]) -> set[int]:
    """The ids of the consignments of which something was overtaken."""
    overtaking, touched = _Overtaking.of(session, study_id), set()
    for delivery, made, consignment, report in session.execute(_waiting(condition)):
        reason = overtaking.of_delivery(delivery, made, consignment.destination, report)
        if reason is not None:
            delivery.state, delivery.reason = DeliveryState.SUPERSEDED, reason
            touched.add(consignment.id)
    return touched


@dataclass(frozen=True)
class _Overtaking:
    """Of one study: its last revision by destination, and whose answers counted when."""

    last_revisions: dict[str, int]
    answers: CountedAnswers

    @classmethod
    def of(cls, session: Session, study_id: int) -> "_Overtaking":
        revisions = session.execute(_last_revisions(study_id))
        return cls(dict(revisions.all()), CountedAnswers.of(session, study_id))

    def of_delivery(
        self, delivery: Delivery, made: ResultObject, destination: str, report: Report
    ) -> str | None:
        """Why it is not to be sent; None where it is."""
        if made.kind is ObjectKind.REJECTION:
            return None
        withdrawn = self.answers.why_withdrawn(made.kind, made.instance_id, report.evidence_version)
        if withdrawn is not None or made.kind in PICTURES:
            return withdrawn
        last = self.last_revisions[destination]
        is_new = delivery.sendings == 0  # what the destination lost of it belongs to what it has
        return LATER_REVISION.format(last) if is_new and last > report.revision else None


def _last_revisions(study_id: int) -> Select[str, int]:
    return (
        select(Consignment.destination, func.max(Report.revision))
        .join(Report, Report.id == Consignment.report_id)
        .where(Report.study_id == study_id)
        .group_by(Consignment.destination)
    )


def _waiting(
    condition: ColumnElement[bool],
) -> Select[Delivery, ResultObject, Consignment, Report]:
    return (
        select(Delivery, ResultObject, Consignment, Report)
        .join(ResultObject, ResultObject.id == Delivery.object_id)
        .join(Consignment, Consignment.id == Delivery.consignment_id)
        .join(Report, Report.id == Consignment.report_id)
        .where(Delivery.state.in_(_TO_BE_SENT), condition)
        .order_by(Delivery.id)
        .with_for_update(of=Delivery)
    )


def _lock_jobs(session: Session, study_id: int) -> None:
    """A delivery's job is locked before its rows, here as by the worker that holds it."""
    of_study = (
        select(Consignment.id)
        .join(Report, Report.id == Consignment.report_id)
        .where(Report.study_id == study_id)
    )
    asked = select(Job.id).where(
        Job.kind == JobKind.DELIVER,
        Job.subject_id.in_(of_study),
        Job.state.in_((*OPEN, JobState.DEAD)),
    )
    session.execute(asked.order_by(Job.id).with_for_update()).all()


def _revive_jobs(session: Session, consignment_ids: set[int]) -> None:
    """One that died with something sent runs once more: nobody may have asked if that is kept."""
    is_over = (
        Job.state == JobState.DEAD,
        ~_has_delivery(Delivery.state.in_(_TO_BE_SENT)),
        _has_delivery(Delivery.state == DeliveryState.SENT),
        ~has_open_twin(),
    )
    revived = (
        update(Job)
        .where(_delivers(consignment_ids), *is_over)
        .values(state=JobState.WAITING, attempt=0, next_attempt_at=database_now(), finished_at=None)
    )
    session.execute(revived.execution_options(synchronize_session=False))


def _end_idle_jobs(session: Session, consignment_ids: set[int]) -> None:
    is_idle = (
        Job.state.in_((JobState.WAITING, JobState.DEAD)),
        ~_has_delivery(Delivery.state.not_in((*_NEVER_SENT, DeliveryState.COMMITTED))),
    )
    ended = (
        update(Job)
        .where(_delivers(consignment_ids), *is_idle)
        .values(state=JobState.DONE, finished_at=database_now())
    )
    session.execute(ended.execution_options(synchronize_session=False))


def _delivers(consignment_ids: set[int]) -> ColumnElement[bool]:
    return (Job.kind == JobKind.DELIVER) & Job.subject_id.in_(consignment_ids)


def _has_delivery(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return select(Delivery.id).where(Delivery.consignment_id == Job.subject_id, condition).exists()
