"""Asking a peer whether it keeps what it was sent: Storage Commitment, else C-FIND."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import structlog
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import N_EVENT_REPORT
from pynetdicom.sop_class import (
    StorageCommitmentPushModel,
    StudyRootQueryRetrieveInformationModelFind,
)

from dicom_node.commitment.messages import (
    PUSH_MODEL_INSTANCE,
    REQUEST_COMMITMENT,
    Reference,
    request_message,
)
from dicom_node.commitment.service import Recorder, take_event_report
from dicom_node.echo import VERIFICATION_PROPOSALS
from dicom_node.peer import Destination, associate

log = structlog.get_logger(__name__)

_PROPOSALS = (
    (StorageCommitmentPushModel, ExplicitVRLittleEndian),
    (StorageCommitmentPushModel, ImplicitVRLittleEndian),
    (StudyRootQueryRetrieveInformationModelFind, ExplicitVRLittleEndian),
    (StudyRootQueryRetrieveInformationModelFind, ImplicitVRLittleEndian),
    *VERIFICATION_PROPOSALS,
)
_SUCCESS = 0x0000
_PENDING = (0xFF00, 0xFF01)
# PS3.7 10.1.4.1.10: answers that another attempt will not change.
_REFUSALS = (0x0122, 0x0123, 0x0124, 0x0211, 0x0118, 0x0112)


@contextmanager
def asking(
    destination: Destination, calling_ae_title: str, record: Recorder
) -> Iterator["Questions"]:
    """An association on which the peer is asked; raises PeerUnavailable or PeerRefused.

    Whatever answer comes until the association is released goes to `record`, and is answered
    Success once it is written down: to this question or to an earlier one, in time or late.
    """
    inbox = _Inbox(destination, record)
    handlers = [(evt.EVT_N_EVENT_REPORT, inbox.take)]
    association = associate(destination, calling_ae_title, _PROPOSALS, handlers=handlers)
    serving = _one_at_a_time(association)
    try:
        yield Questions(destination, association, inbox)
    finally:
        with serving:
            association.release()


def _one_at_a_time(association: Association) -> threading.Lock:
    """A lock that is held while an N-EVENT-REPORT is served, response included.

    pynetdicom serves each in a thread of its own: released in the midst, the association breaks.
    """
    lock, serve = threading.Lock(), association._serve_request

    def serve_alone(message: Any, context_id: int) -> None:
        # The reactor serves all else, and must not wait for a release that waits for the reactor.
        with lock if isinstance(message, N_EVENT_REPORT) else nullcontext():
            serve(message, context_id)

    association._serve_request = serve_alone
    return lock


class Questions:
    """What the peer can be asked on this association."""

    def __init__(self, destination: Destination, association: Association, inbox: "_Inbox") -> None:
        self._destination = destination
        self._association = association
        self._inbox = inbox
        self._accepted = {context.abstract_syntax for context in association.accepted_contexts}

    @property
    def offers_commitment(self) -> bool:
        return StorageCommitmentPushModel in self._accepted

    @property
    def offers_query(self) -> bool:
        return StudyRootQueryRetrieveInformationModelFind in self._accepted

    def request_commitment(
        self, transaction_uid: str, references: Sequence[Reference], *, wait_seconds: float
    ) -> None:
        """Asks, and waits a little for the answer; it may also come on another association."""
        try:
            status, _ = self._association.send_n_action(
                request_message(transaction_uid, references),
                REQUEST_COMMITMENT,
                StorageCommitmentPushModel,
                PUSH_MODEL_INSTANCE,
            )
        except RuntimeError:  # pynetdicom: the peer has broken off since it accepted
            status = Dataset()
        self._require_success(status)
        self._inbox.wait_for(transaction_uid, wait_seconds)

    def find(
        self, study_instance_uid: str, series_instance_uid: str, sop_instance_uid: str
    ) -> bool:
        """Whether the peer shows the object to a query at image level (PS3.4 C.6.2.1)."""
        query = Dataset()
        query.QueryRetrieveLevel = "IMAGE"
        query.StudyInstanceUID = study_instance_uid
        query.SeriesInstanceUID = series_instance_uid
        query.SOPInstanceUID = sop_instance_uid
        found = False
        if not self._association.is_established:
            raise QuestionUnanswered(f"{self._destination} broke off while it was searched")
        answers = self._association.send_c_find(query, StudyRootQueryRetrieveInformationModelFind)
        for status, identifier in answers:
            code = status.get("Status")
            if code in _PENDING:
                # pynetdicom gives None for what it cannot decode.
                told = None if identifier is None else identifier.get("SOPInstanceUID")
                found = found or told == sop_instance_uid
            elif code != _SUCCESS:
                raise QuestionUnanswered(f"{self._destination} does not answer a query")
        return found

    def _require_success(self, response: Dataset) -> None:
        code = response.get("Status")
        if code is None:  # some close the association on whom they do not let ask
            raise CommitmentNotOffered(f"{self._destination} broke off when asked what it keeps")
        if code in _REFUSALS:
            raise CommitmentNotOffered(
                f"{self._destination} takes no question what it keeps (0x{code:04X})"
            )
        if code != _SUCCESS:
            raise QuestionUnanswered(
                f"{self._destination} cannot say now what it keeps (0x{code:04X})"
            )


class QuestionUnanswered(Exception):
    """The peer is there, and leaves the question unanswered: no outage, and it may be sent more."""


class CommitmentNotOffered(QuestionUnanswered):
    """The peer accepted the context, and refuses every request in it."""


class _Inbox:
    """Takes what the peer answers, and knows which questions it has answered."""

    def __init__(self, destination: Destination, record: Recorder) -> None:
        self._destination = destination
        self._record = record
        self._answered: set[str] = set()
        self._news = threading.Condition()

    def take(self, event: Any) -> tuple[int, None]:
        status, answer = take_event_report(event, self._record)
        log.info(
            "commitment_message",
            message="answer",
            peer=str(self._destination),
            status=f"0x{status:04X}",
        )
        if answer is not None and status == _SUCCESS:
            with self._news:
                self._answered.add(answer.transaction_uid)
                self._news.notify_all()
        return status, None

    def wait_for(self, transaction_uid: str, seconds: float) -> None:
        with self._news:
            self._news.wait_for(lambda: transaction_uid in self._answered, seconds)
