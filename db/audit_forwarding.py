"""How far the audit trail has been told to the repository: the trail itself is the buffer."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ScalarSelect, func, select, update
from sqlalchemy.orm import Session

from db.clock import database_now
from db.tables import AuditEvent, AuditForwarding, Study
from db.upsert import insert_unless_present

_POSITION = 1  # the one row's id
_BATCH_EVENTS = 200


@dataclass(frozen=True)
class ForwardedEvent:
    """A sealed event, with the patient's ID as the study has it now: the trail does not keep it."""

    sequence: int
    happened_at: datetime
    actor: str
    role: str
    action: str
    outcome: str
    study_instance_uid: str | None
    address: str
    detail: str | None
    peer: str | None
    sop_classes: dict[str, int] | None
    patient_id: str | None
    issuer_of_patient_id: str | None


@dataclass(frozen=True)
class Backlog:
    """What the repository has not been told yet, and how telling it fares."""

    waiting: int
    oldest_at: datetime | None
    forwarded_at: datetime | None
    failed_at: datetime | None
    last_error: str | None


def begin_forwarding(session: Session) -> None:
    """From now on nothing is pruned that was not forwarded; the first time, all is forwarded."""
    insert_unless_present(session, AuditForwarding, {"id": _POSITION, "sequence": 0})


def events_to_forward(session: Session) -> list[ForwardedEvent]:
    """The next of them in the order of the chain, at most 200."""
    names = [name for name in ForwardedEvent.__dataclass_fields__ if hasattr(AuditEvent, name)]
    asked = (
        select(
            *(getattr(AuditEvent, name) for name in names),
            Study.patient_id,
            Study.issuer_of_patient_id,
        )
        .outerjoin(Study, Study.study_instance_uid == AuditEvent.study_instance_uid)
        .where(AuditEvent.sequence > _position())
        .order_by(AuditEvent.sequence)
        .limit(_BATCH_EVENTS)
    )
    return [ForwardedEvent(**row._mapping) for row in session.execute(asked)]


def note_forwarded(session: Session, sequence: int) -> None:
    """The repository has everything up to this number."""
    _update(session, AuditForwarding.sequence <= sequence, sequence=sequence)
    _update(session, AuditForwarding.id == _POSITION, forwarded_at=database_now(), last_error=None)


def note_forwarding_failed(session: Session, error: str) -> None:
    _update(session, AuditForwarding.id == _POSITION, failed_at=database_now(), last_error=error)


def backlog(session: Session) -> Backlog | None:
    """None: nothing has ever been forwarded."""
    row = session.get(AuditForwarding, _POSITION)
    if row is None:
        return None
    waits = AuditEvent.sequence > row.sequence
    asked = select(func.count(), func.min(AuditEvent.happened_at)).where(waits)
    waiting, oldest_at = session.execute(asked).one()
    return Backlog(waiting, oldest_at, row.forwarded_at, row.failed_at, row.last_error)


def _position() -> ScalarSelect[int]:
    return select(AuditForwarding.sequence).where(AuditForwarding.id == _POSITION).scalar_subquery()


def _update(session: Session, which: object, **values: object) -> None:
    session.execute(update(AuditForwarding).where(which).values(**values))  # type: ignore[arg-type]
