"""Writing down what a visitor saw or did."""

from datetime import UTC, datetime, timedelta

from db.audit import Action, AuditRecord, has_viewed, record_event
from db.session import reading, transaction
from web.access.guard import Visitor
from web.window import Window

_ONE_VIEWING = timedelta(minutes=15)


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


def note_viewing(
    window: Window, visitor: Visitor, action: Action, study_instance_uid: str | None = None
) -> None:
    """For what an open page asks for by itself: once in a while, since each opening is noted."""
    since = datetime.now(UTC) - _ONE_VIEWING
    with reading(window.ledger) as session:
        noted = has_viewed(session, visitor.name, action, study_instance_uid, since=since)
    if not noted:
        note(window, visitor, action, study_instance_uid=study_instance_uid)


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
