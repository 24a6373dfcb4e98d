"""What goes out, for the audit trail: that a sending began, and what had gone when it ended."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from db.audit import NODE, Action, AuditRecord, Outcome, record_event
from db.audit_receptions import Carried


@dataclass(frozen=True)
class Sending:
    """Who caused it, and who gets it: without a `peer`, whoever caused it."""

    actor: str
    role: str = NODE
    address: str = ""
    peer: str | None = None

    def event(
        self, action: Action, study_instance_uid: str, *, outcome: Outcome = Outcome.DONE
    ) -> AuditRecord:
        return AuditRecord(
            actor=self.actor,
            role=self.role,
            action=action,
            address=self.address,
            outcome=outcome,
            study_instance_uid=study_instance_uid,
            peer=self.peer,
        )


def record_begun(session: Session, sending: Sending, studies: Collection[str]) -> None:
    for uid in studies:
        record_event(session, sending.event(Action.SENDING_BEGUN, uid))


def record_sent(
    session: Session, sending: Sending, sent: Carried, *, outcome: Outcome = Outcome.DONE
) -> None:
    """One event a study; nothing sent of it, and `outcome` failed, is one too."""
    for uid, sop_classes in sent.items():
        event = sending.event(Action.INSTANCES_SENT, uid, outcome=outcome)
        record_event(session, replace(event, sop_classes=dict(sop_classes)))
