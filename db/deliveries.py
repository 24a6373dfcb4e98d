"""One object on its way to one destination: what to send, and how it ended."""

from dataclasses import dataclass

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from db.clock import database_now
from db.jobs import Claim, bury_job, finish_job, hold
from db.states import DeliveryState, ObjectKind
from db.tables import Delivery, Report, ResultObject, Study


@dataclass(frozen=True)
class StoredObject:
    object_id: int
    kind: ObjectKind
    sop_class_uid: str
    sop_instance_uid: str
    spool_key: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class DeliveryOrder:
    """Send the first of the candidates, best first, whose SOP class the destination accepts."""

    delivery_id: int
    destination: str
    study_instance_uid: str
    candidates: tuple[StoredObject, ...]


def load_delivery(session: Session, delivery_id: int) -> DeliveryOrder:
    delivery = session.get_one(Delivery, delivery_id)
    of_object = (
        select(Study.study_instance_uid)
        .join(Report, Report.study_id == Study.id)
        .join(ResultObject, ResultObject.report_id == Report.id)
        .where(ResultObject.id == delivery.object_id)
    )
    return DeliveryOrder(
        delivery_id=delivery.id,
        destination=delivery.destination,
        study_instance_uid=session.scalars(of_object).one(),
        candidates=_load_candidates(session, delivery.object_id),
    )


def mark_sent(
    session: Session, claim: Claim, *, status: int, warning: str | None, sent_object_id: int
) -> None:
    """The peer has the object, whatever it warned of; the job is done."""
    hold(session, claim)
    _update(
        session,
        claim,
        state=DeliveryState.SENT,
        status=status,
        warning=warning,
        sent_object_id=sent_object_id,
        sent_at=database_now(),
    )
    finish_job(session, claim)


def mark_refused(session: Session, claim: Claim, *, status: int | None, error: str) -> None:
    """The peer refuses the object for good (no status: its SOP class); the job dies at once."""
    hold(session, claim)
    _update(session, claim, state=DeliveryState.REFUSED, status=status)
    bury_job(session, claim, error=error)


def _load_candidates(session: Session, object_id: int) -> tuple[StoredObject, ...]:
    candidates = (
        select(
            ResultObject.id,
            ResultObject.kind,
            ResultObject.sop_class_uid,
            ResultObject.sop_instance_uid,
            ResultObject.spool_key,
            ResultObject.sha256,
            ResultObject.size_bytes,
        )
        .where(or_(ResultObject.id == object_id, ResultObject.fallback_of_id == object_id))
        .order_by(ResultObject.id)  # a fallback is always saved after its primary
    )
    return tuple(StoredObject(*row) for row in session.execute(candidates))


def _update(session: Session, claim: Claim, **values: object) -> None:
    session.execute(update(Delivery).where(Delivery.id == claim.subject_id).values(**values))
