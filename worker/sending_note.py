"""What the audit trail says of a consignment: that its sending began, and what had gone."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from sqlalchemy.orm import Session

from db.audit import NODE, Action, AuditRecord, Outcome, record_event
from db.audit_transfers import Sending, record_begun, record_sent
from db.deliveries import ConsignmentOrder
from db.session import LedgerUnavailable, transaction
from worker.destinations import PacsDestination, ResultDestination
from worker.kitchen import Kitchen

log = structlog.get_logger(__name__)


class SendingNote:
    """One of an association and a study; `sent` counts by SOP Class UID what the peer took."""

    def __init__(self, sending: Sending, study_instance_uid: str, *, is_dicom: bool) -> None:
        self._sending, self._study = sending, study_instance_uid
        self._is_dicom = is_dicom
        self._has_begun = False
        self.sent: Counter[str] = Counter()

    def begin(self, session: Session) -> None:
        """The peer is there, and takes what it is to get."""
        record_begun(session, self._sending, [self._study])
        self._has_begun = True

    def end(self, session: Session, outcome: Outcome) -> None:
        """Nothing where nothing was begun: a peer that is away is tried for as long as it takes."""
        if self._is_dicom and self._has_begun:
            record_sent(session, self._sending, {self._study: self.sent}, outcome=outcome)
        elif self.sent:
            record_event(session, self._message(outcome))

    def _message(self, outcome: Outcome) -> AuditRecord:
        return self._sending.event(Action.MESSAGE_SENT, self._study, outcome=outcome)


@contextmanager
def sending_noted(
    kitchen: Kitchen, destination: ResultDestination, order: ConsignmentOrder
) -> Iterator[SendingNote]:
    """Its end is written down however it ends."""
    is_dicom = isinstance(destination, PacsDestination)
    peer = str(destination.peer) if isinstance(destination, PacsDestination) else destination.name
    sending = Sending(kitchen.plan.ae_title, NODE, peer=peer)
    note = SendingNote(sending, order.study_instance_uid, is_dicom=is_dicom)
    outcome = Outcome.FAILED
    try:
        yield note
        outcome = Outcome.DONE
    finally:
        try:
            with transaction(kitchen.ledger) as session:
                note.end(session, outcome)
        except LedgerUnavailable:  # that it began is in the trail
            log.warning("sending_not_noted", reason="the database is away")
