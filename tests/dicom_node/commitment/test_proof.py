"""Asking a peer what it keeps: which of its answers are taken, and what its refusals come to."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import StorageCommitmentPushModel as PushModel

from dicom_node.commitment.messages import (
    NO_SUCH_INSTANCE,
    PUSH_MODEL_INSTANCE,
    Reference,
    answer_message,
)
from dicom_node.commitment.proof import CommitmentNotOffered, QuestionUnanswered, asking
from dicom_node.peer import Destination
from tests.dicom_node.hostile_commitment import HOSTILE, N_EVENT_REPORT, send_hostile

ASKED = [Reference("1.2.840.10008.5.1.4.1.1.88.34", "1.2.1")]
QUESTION, EARLIER = "2.25.2", "2.25.1"
Telling = tuple[int, Dataset | bytes | None]


class Pacs:
    """Answers each question on the association that asked, with these reports."""

    def __init__(self) -> None:
        self.port = 0
        self.status: int | None = 0x0000  # none: it hangs up
        self.reports: list[Telling] = []
        self.heard: list[int] = []

    def take(self, event: Any) -> tuple[int, None]:
        if self.status is None:
            event.assoc.abort()
            return 0x0110, None
        threading.Thread(target=self._report, args=[event.assoc], daemon=True).start()
        return self.status, None

    def _report(self, association: Any) -> None:
        for event_type, message in self.reports:
            if isinstance(message, bytes):
                self.heard.append(send_hostile(association, N_EVENT_REPORT, message))
                continue
            status, _ = association.send_n_event_report(
                message, event_type, PushModel, PUSH_MODEL_INSTANCE
            )
            self.heard.append(status.Status)


@pytest.fixture(scope="module")
def server() -> Iterator[Pacs]:
    pacs = Pacs()
    ae = AE("PACS")
    ae.add_supported_context(PushModel)
    running = ae.start_server(
        ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_N_ACTION, pacs.take)]
    )
    pacs.port = running.server_address[1]
    yield pacs
    running.shutdown()


@pytest.fixture
def pacs(server: Pacs) -> Pacs:
    server.status, server.reports, server.heard = 0x0000, [], []
    return server


def ask(pacs: Pacs, wait_seconds: float = 5) -> Any:
    destination = Destination("PACS", "127.0.0.1", pacs.port)
    with asking(destination, "OSTEON") as questions:
        assert questions.offers_commitment
        assert not questions.offers_query
        return questions.request_commitment(QUESTION, ASKED, wait_seconds=wait_seconds)


@pytest.mark.filterwarnings("ignore")
def test_only_the_answer_to_this_question_is_taken(pacs: Pacs) -> None:
    """An earlier one's is to come to the listener, which writes it down."""
    right = answer_message(QUESTION, [], {ASKED[0]: NO_SUCH_INSTANCE})
    pacs.reports = [
        answer_message(EARLIER, ASKED, {}),
        (3, answer_message(QUESTION, ASKED, {})[1]),
        (1, None),
        *((1, data) for data in HOSTILE.values()),
        right,
    ]
    answer = ask(pacs)
    assert (answer.transaction_uid, answer.kept) == (QUESTION, frozenset())
    assert list(answer.failed) == [ASKED[0].sop_instance_uid]
    assert pacs.heard[:6] == [0x0110, 0x0113, 0x0115, 0x0115, 0x0115, 0x0115]


def test_no_answer_here_is_none_yet(pacs: Pacs) -> None:
    assert ask(pacs, wait_seconds=0.05) is None


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        (0x0118, CommitmentNotOffered, "takes no question"),
        (0x0124, CommitmentNotOffered, "takes no question"),
        (0x0213, QuestionUnanswered, "cannot say now"),
        (None, CommitmentNotOffered, "broke off"),
    ],
)
def test_what_its_refusal_comes_to(
    pacs: Pacs, status: int | None, error: type[Exception], words: str
) -> None:
    pacs.status = status
    with pytest.raises(QuestionUnanswered, match=words) as refused:
        ask(pacs)
    assert type(refused.value) is error
