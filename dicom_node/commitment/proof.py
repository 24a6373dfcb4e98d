"""Asking a peer whether it keeps what it was sent: Storage Commitment, else C-FIND."""

import queue
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.sop_class import (
    StorageCommitmentPushModel,
    StudyRootQueryRetrieveInformationModelFind,
)

from dicom_node.commitment.messages import (
    ALL_KEPT,
    PUSH_MODEL_INSTANCE,
    REQUEST_COMMITMENT,
    SOME_FAILED,
    CommitmentAnswer,
    Reference,
    read_answer,
    request_message,
)
from dicom_node.echo import VERIFICATION_PROPOSALS
from dicom_node.header_reading import UNREADABLE, NotUnderstood
from dicom_node.peer import Destination, associate

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
# PS3.7 10.1.1.1.8.
PROCESSING_FAILURE, NO_SUCH_EVENT_TYPE, INVALID_ARGUMENT = 0x0110, 0x0113, 0x0115


@contextmanager
def asking(destination: Destination, calling_ae_title: str) -> Iterator["Questions"]:
    """An association on which the peer is asked; raises PeerUnavailable or PeerRefused."""
    inbox = _Inbox()
    handlers = [(evt.EVT_N_EVENT_REPORT, inbox.take)]
    association = associate(destination, calling_ae_title, _PROPOSALS, handlers=handlers)
    try:
        yield Questions(destination, association, inbox)
    finally:
        association.release()


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
    ) -> CommitmentAnswer | None:
        """The answer, if it comes on this association in time; it may come on another later."""
        self._inbox.transaction_uid = transaction_uid
        status, _ = self._association.send_n_action(
            request_message(transaction_uid, references),
            REQUEST_COMMITMENT,
            StorageCommitmentPushModel,
            PUSH_MODEL_INSTANCE,
        )
        self._require_success(status)
        try:
            return self._inbox.answers.get(timeout=wait_seconds)
        except queue.Empty:
            return None

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
    """Takes the answer to the question asked on this association.

    One to an earlier question is not taken: nobody here would write it down, and the peer can tell
    it to the listener.
    """

    def __init__(self) -> None:
        self.transaction_uid: str | None = None
        self.answers: queue.Queue[CommitmentAnswer] = queue.Queue()

    def take(self, event: Any) -> tuple[int, None]:
        if event.event_type not in (ALL_KEPT, SOME_FAILED):
            return NO_SUCH_EVENT_TYPE, None
        try:
            answer = read_answer(event.event_information)
        except (NotUnderstood, *UNREADABLE):
            return INVALID_ARGUMENT, None
        if answer.transaction_uid != self.transaction_uid:
            return PROCESSING_FAILURE, None
        self.answers.put(answer)
        return _SUCCESS, None
