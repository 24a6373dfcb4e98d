"""Writing down what a visitor saw or did."""

from db.audit import Action, AuditRecord, record_event
from db.session import transaction
from web.access.guard import Visitor
from web.window import Window


def note(
    window: Window,
    visitor: Visitor,
    action: Action,
    *,
    study_instance_uid: str | None = None,
    detail: str | None = None,
) -> None:
    """In a transaction of its own; raises LedgerUnavailable: what cannot be noted is not shown."""
    record = event_of(visitor, action, study_instance_uid=study_instance_uid, detail=detail)
    with transaction(window.ledger) as session:
        record_event(session, record)


def event_of(
    visitor: Visitor,
    action: Action,
    *,
    study_instance_uid: str | None = None,
    detail: str | None = None,
) -> AuditRecord:
    """What is to be written down, for whoever writes it with what it tells of."""
    by_token = f"by token {visitor.token_label}" if visitor.token_label else ""
    return AuditRecord(
        actor=visitor.name,
        role=visitor.role,
        action=action,
        address=visitor.address,
        study_instance_uid=study_instance_uid,
        detail="; ".join(part for part in (by_token, detail) if part) or None,
    )
