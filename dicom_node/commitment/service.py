"""Storage Commitment as it comes in: peers' answers to our questions, and their questions to us."""

from collections.abc import Callable, Set
from typing import Any

import structlog
from pydicom.dataset import Dataset
from pynetdicom.sop_class import StorageCommitmentPushModel
from sqlalchemy import Engine

from db.commitments import record_answer
from db.peer_requests import OtherQuestion, save_peer_request
from db.session import LedgerUnavailable, transaction
from dicom_node.commitment.messages import (
    ALL_KEPT,
    PUSH_MODEL_INSTANCE,
    REQUEST_COMMITMENT,
    SOME_FAILED,
    CommitmentAnswer,
    read_answer,
    read_request,
)
from dicom_node.discretion import printable
from dicom_node.header_reading import UNREADABLE, NotUnderstood

log = structlog.get_logger(__name__)

# PS3.7 10.1.1.1.8 and 10.1.4.1.10.
SUCCESS = 0x0000
PROCESSING_FAILURE = 0x0110
NO_SUCH_SOP_INSTANCE = 0x0112
NO_SUCH_EVENT_TYPE = 0x0113
INVALID_ARGUMENT = 0x0115
NO_SUCH_SOP_CLASS = 0x0118
NO_SUCH_ACTION = 0x0123
NOT_AUTHORISED = 0x0124

# Writes an answer down; False where we asked no such question. May raise LedgerUnavailable.
Recorder = Callable[[CommitmentAnswer], bool]


def recorder(engine: Engine) -> Recorder:
    """Writes answers into this ledger."""

    def record(answer: CommitmentAnswer) -> bool:
        with transaction(engine) as session:
            return record_answer(session, answer.transaction_uid, answer.kept, answer.failed)

    return record


def take_event_report(event: Any, record: Recorder) -> tuple[int, CommitmentAnswer | None]:
    """The status for an N-EVENT-REPORT, Success only for what is written down, and what it said."""
    if event.event_type not in (ALL_KEPT, SOME_FAILED):
        return NO_SUCH_EVENT_TYPE, None
    try:
        answer = read_answer(_information(event, "event_information"))
        return (SUCCESS if record(answer) else INVALID_ARGUMENT), answer
    except NotUnderstood:
        return INVALID_ARGUMENT, None
    except LedgerUnavailable:
        return PROCESSING_FAILURE, None


class CommitmentService:
    """Takes both messages into the ledger before it says Success; the answering is a job's."""

    def __init__(self, engine: Engine, answerable: Set[str]) -> None:
        """`answerable`: the AE titles whose address is known, so that they can be answered."""
        self._engine = engine
        self._record = recorder(engine)
        self._answerable = answerable

    def handle_event_report(self, event: Any) -> tuple[int, None]:
        """The handler of EVT_N_EVENT_REPORT: what a destination says it keeps of our results."""
        status, answer = take_event_report(event, self._record)
        kept, failed = (len(answer.kept), len(answer.failed)) if answer else (0, 0)
        return _told(event, "answer", status, kept=kept, failed=failed), None

    def handle_action(self, event: Any) -> tuple[int, None]:
        """The handler of EVT_N_ACTION: a peer asks whether we keep what it sent us."""
        return _told(event, "request", self._take_request(event)), None

    def _take_request(self, event: Any) -> int:
        peer = str(event.assoc.requestor.ae_title)
        refused = _misdirected(event.request)
        if refused or peer not in self._answerable:
            return refused or NOT_AUTHORISED
        try:
            transaction_uid, references = read_request(_information(event, "action_information"))
            pairs = [(one.sop_class_uid, one.sop_instance_uid) for one in references]
            with transaction(self._engine) as session:
                save_peer_request(session, peer, transaction_uid, pairs)
        except (NotUnderstood, OtherQuestion):
            return INVALID_ARGUMENT
        except LedgerUnavailable:
            return PROCESSING_FAILURE
        return SUCCESS


def _misdirected(request: Any) -> int | None:
    """The status for an N-ACTION that is none of Storage Commitment's, PS3.4 J.3.2.1.2."""
    if request.RequestedSOPClassUID != StorageCommitmentPushModel:
        return NO_SUCH_SOP_CLASS
    if request.RequestedSOPInstanceUID != PUSH_MODEL_INSTANCE:
        return NO_SUCH_SOP_INSTANCE
    return None if request.ActionTypeID == REQUEST_COMMITMENT else NO_SUCH_ACTION


def _told(event: Any, message: str, status: int, **counts: int) -> int:
    log.info(
        "commitment_message",
        message=message,
        association_id=event.assoc.dimse.association_id,
        calling_ae_title=printable(event.assoc.requestor.ae_title),
        status=f"0x{status:04X}",
        **counts,
    )
    return status


def _information(event: Any, name: str) -> Dataset:
    """The data set of the message, which pynetdicom decodes on being asked for it."""
    try:
        return getattr(event, name)
    except UNREADABLE as error:
        raise NotUnderstood("the message cannot be read") from error
