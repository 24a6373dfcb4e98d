"""The audit trail: who saw or did what. Rows are added here, and nowhere changed."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.tables import AuditEvent


class Action(StrEnum):
    """What is written down when somebody does it, or is refused it."""

    # People, by the page, its API and the command.
    SIGN_IN = "sign-in"
    SIGN_OUT = "sign-out"
    ACCESS_REFUSED = "access-refused"  # to who is signed in and has not the role or scope
    WORKLIST_VIEWED = "worklist-viewed"  # each search or page; live updates once in a while
    STUDY_VIEWED = "study-viewed"
    OBJECT_DOWNLOADED = "object-downloaded"
    RESULTS_VIEWED = "results-viewed"
    RESULTS_EXPORTED = "results-exported"
    VERDICT_GIVEN = "verdict-given"
    VERDICTS_VIEWED = "verdicts-viewed"  # their comments are free text
    LABELS_EXPORTED = "labels-exported"
    IMAGE_TRIED = "image-tried"
    STUDY_SENT = "study-sent"  # an uploaded image, through the listener; noted before it goes
    JOB_REQUEUED = "job-requeued"
    PEER_ASKED = "peer-asked"  # C-ECHO
    SELF_TEST = "self-test"
    ACCOUNT_CHANGED = "account-changed"
    TOKEN_MADE = "token-made"  # noqa: S105 - no secret
    TOKEN_REVOKED = "token-revoked"  # noqa: S105 - no secret
    TRAIL_VIEWED = "trail-viewed"
    TRAIL_CHECKED = "trail-checked"
    TRAIL_PRUNED = "trail-pruned"
    # Other systems, and this one.
    PART_STARTED = "part-started"
    PART_STOPPED = "part-stopped"
    INSTANCES_RECEIVED = "instances-received"
    SENDING_BEGUN = "sending-begun"
    INSTANCES_SENT = "instances-sent"
    MESSAGE_SENT = "message-sent"  # HL7 or FHIR, by us or in answer to a request
    QUERY_ANSWERED = "query-answered"  # C-FIND
    QUERY_SENT = "query-sent"  # C-FIND
    SEARCH_ANSWERED = "search-answered"  # QIDO-RS, FHIR
    STUDY_DELETED = "study-deleted"
    STUDY_HELD = "study-held"  # nothing of it is removed until the hold is released
    HOLD_RELEASED = "hold-released"
    STUDIES_EXPORTED = "studies-exported"  # files that leave the node
    BACKUP_MADE = "backup-made"
    BACKUP_RESTORED = "backup-restored"
    PEER_REFUSED = "peer-refused"  # AE title, address or certificate
    TOKEN_REFUSED = "token-refused"  # noqa: S105 - no secret
    SETTINGS_CHANGED = "settings-changed"
    MODEL_CHANGED = "model-changed"
    MODEL_WITHDRAWN = "model-withdrawn"
    CHAIN_BROKEN = "chain-broken"


# What stands in `role` for who is no account of the page.
NODE, PEER = "node", "peer"


class Outcome(StrEnum):
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True)
class AuditRecord:
    """What is to be written down.

    `detail` says what else was asked for, and never what names a patient. `peer` is the other
    system where the actor is not that; `sop_classes` counts what was transferred, by class.
    """

    actor: str
    role: str
    action: Action
    address: str
    outcome: Outcome = Outcome.DONE
    study_instance_uid: str | None = None
    detail: str | None = None
    peer: str | None = None
    sop_classes: dict[str, int] | None = None


@dataclass(frozen=True)
class AuditRow:
    """An event as it is shown."""

    id: int
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


def record_event(session: Session, record: AuditRecord) -> None:
    session.add(
        AuditEvent(
            actor=record.actor,
            role=record.role,
            action=record.action,
            outcome=record.outcome,
            study_instance_uid=record.study_instance_uid,
            address=record.address,
            detail=record.detail,
            peer=record.peer,
            sop_classes=record.sop_classes,
        )
    )


def record_deletion(
    session: Session, study_instance_uid: str, *, actor: str, reason: str, role: str = NODE
) -> None:
    """A study's files or rows go, in the caller's transaction; `reason` is our own word for why."""
    record_event(
        session,
        AuditRecord(
            actor=actor,
            role=role,
            action=Action.STUDY_DELETED,
            address="",
            study_instance_uid=study_instance_uid,
            detail=reason,
        ),
    )


def has_viewed(
    session: Session,
    actor: str,
    action: Action,
    study_instance_uid: str | None = None,
    *,
    since: datetime,
) -> bool:
    """Whether it is written down since then that they saw the study, or the list of them."""
    asked = select(AuditEvent.id).where(
        AuditEvent.actor == actor,
        AuditEvent.action == action,
        AuditEvent.study_instance_uid == study_instance_uid,
        AuditEvent.happened_at >= since,
    )
    return session.execute(asked.limit(1)).first() is not None


def list_events(
    session: Session,
    *,
    before_id: int | None = None,
    actor: str = "",
    study_instance_uid: str = "",
    limit: int = 100,
) -> list[AuditRow]:
    """The newest events first, those before the one named."""
    columns = [getattr(AuditEvent, name) for name in AuditRow.__dataclass_fields__]
    asked = select(*columns).order_by(AuditEvent.id.desc()).limit(limit)
    if before_id is not None:
        asked = asked.where(AuditEvent.id < before_id)
    if actor:
        asked = asked.where(AuditEvent.actor == actor)
    if study_instance_uid:
        asked = asked.where(AuditEvent.study_instance_uid == study_instance_uid)
    return [AuditRow(*row) for row in session.execute(asked)]
