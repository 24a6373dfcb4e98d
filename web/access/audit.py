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
    record = AuditRecord(
        actor=visitor.name,
        role=visitor.role,
        action=action,
        address=visitor.address,
        study_instance_uid=study_instance_uid,
        detail=detail,
    )
    with transaction(window.ledger) as session:
        record_event(session, record)
