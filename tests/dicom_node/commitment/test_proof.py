"""Asking a peer what it keeps: which of its answers are taken, and what its refusals come to."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import StorageCommitmentPushModel as PushModel

from db.session import LedgerUnavailable
from dicom_node.commitment.messages import (
    NO_SUCH_INSTANCE,
    PUSH_MODEL_INSTANCE,
    CommitmentAnswer,
    Reference,
    answer_message,
)
from dicom_node.commitment.proof import (
    CommitmentNotOffered,
    Questions,
    QuestionUnanswered,
    asking,
)
from dicom_node.peer import Destination
from tests.dicom_node.hostile_commitment import HOSTILE, N_EVENT_REPORT, send_hostile
from tests.waiting import wait_for

ASKED = [Reference("1.2.840.10008.5.1.4.1.1.88.34", "1.2.1")]
QUESTION, EARLIER, UNKNOWN = "2.25.2", "2.25.1", "2.25.3"
ANSWER = answer_message(QUESTION, ASKED, {})
Telling = tuple[int, Dataset | bytes | None]


class Pacs:
    """Answers each question on the association that asked, with these reports."""

    def __init__(self) -> None:
        self.port = 0
        self.status: int | None = 0x0000  # none: it hangs up
        self.reports: list[Telling] = []
        self.reports_first = False
        self.may_report = threading.Event()
        self.heard: list[int | None] = []

    def take(self, event: Any) -> tuple[int, None]:
        if self.status is None:
            event.assoc.abort()
            return 0x0110, None
        if self.reports_first:
            self._report(event.assoc)
        else:
            threading.Thread(target=self._report, args=[event.assoc], daemon=True).start()
        return self.status, None

    def _report(self, association: Any) -> None:
        self.may_report.wait(5)
        for event_type, message in self.reports:
            if isinstance(message, bytes):
                self.heard.append(send_hostile(association, N_EVENT_REPORT, message))
                continue
            status, _ = association.send_n_event_report(
                message, event_type, PushModel, PUSH_MODEL_INSTANCE
            )
            self.heard.append(status.get("Status"))


class Ledger:
    """Where answers are written down: those to questions that it knows."""

    def __init__(self) -> None:
        self.answers: list[CommitmentAnswer] = []
        self.seconds = 0.0  # how long it takes
        self.is_away = False

    def record(self, answer: CommitmentAnswer) -> bool:
        time.sleep(self.seconds)
        if self.is_away:
            raise LedgerUnavailable
        known = answer.transaction_uid in (QUESTION, EARLIER)
        if known:
            self.answers.append(answer)
        return known


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
    server.status, server.reports, server.reports_first, server.heard = 0x0000, [], False, []
    server.may_report.set()
    return server


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


def opened(pacs: Pacs, ledger: Ledger) -> AbstractContextManager[Questions]:
    return asking(Destination("PACS", "127.0.0.1", pacs.port), "OSTEON", ledger.record)


def ask(
    pacs: Pacs,
    ledger: Ledger,
    wait_seconds: float = 5,
    afterwards: Callable[[], object] = lambda: None,
) -> None:
    with opened(pacs, ledger) as questions:
        assert questions.offers_commitment
        assert not questions.offers_query
        questions.request_commitment(QUESTION, ASKED, wait_seconds=wait_seconds)
        afterwards()


@pytest.mark.filterwarnings("ignore")
def test_what_is_answered_success_is_written_down_and_nothing_else(
    pacs: Pacs, ledger: Ledger
) -> None:
    pacs.reports = [
        answer_message(UNKNOWN, ASKED, {}),
        answer_message(EARLIER, ASKED, {}),
        (3, ANSWER[1]),
        (1, None),
        *((1, data) for data in HOSTILE.values()),
        answer_message(QUESTION, [], {ASKED[0]: NO_SUCH_INSTANCE}),
    ]
    ask(pacs, ledger)
    earlier, right = ledger.answers
    assert (earlier.transaction_uid, list(earlier.kept)) == (EARLIER, [ASKED[0].sop_instance_uid])
    assert (right.transaction_uid, right.kept) == (QUESTION, frozenset())
    assert list(right.failed) == [ASKED[0].sop_instance_uid]
    assert wait_for(lambda: len(pacs.heard) == 8, "the last response", 5)
    assert pacs.heard == [0x0115, 0, 0x0113, 0x0115, 0x0115, 0x0115, 0x0115, 0]


def test_an_answer_that_comes_after_the_wait_is_written_down_too(
    pacs: Pacs, ledger: Ledger
) -> None:
    def go_on() -> None:
        pacs.may_report.set()
        wait_for(lambda: pacs.heard, "our response", 5)

    pacs.reports = [ANSWER]
    pacs.may_report.clear()
    ask(pacs, ledger, 0, afterwards=go_on)
    assert pacs.heard == [0]
    assert [answer.transaction_uid for answer in ledger.answers] == [QUESTION]


def test_the_release_waits_until_an_answer_that_came_is_written_down(
    pacs: Pacs, ledger: Ledger
) -> None:
    """In the midst of it pynetdicom would break the association, half a minute later."""
    ledger.seconds = 0.3
    pacs.reports = [ANSWER]
    started = time.monotonic()
    ask(pacs, ledger, 0, afterwards=lambda: time.sleep(0.15))
    assert time.monotonic() - started < 5
    assert wait_for(lambda: pacs.heard, "our response", 5)
    assert pacs.heard == [0]
    assert len(ledger.answers) == 1


def test_an_answer_that_cannot_be_written_down_is_refused(pacs: Pacs, ledger: Ledger) -> None:
    ledger.is_away = True
    pacs.reports = [ANSWER]
    ask(pacs, ledger, 0, afterwards=lambda: wait_for(lambda: pacs.heard, "our response", 5))
    assert pacs.heard == [0x0110]


def test_an_answer_that_comes_before_the_response_to_the_question_is_taken(
    pacs: Pacs, ledger: Ledger
) -> None:
    pacs.reports, pacs.reports_first = [ANSWER], True
    ask(pacs, ledger)
    assert pacs.heard == [0]
    assert len(ledger.answers) == 1


def test_no_answer_here_is_none_yet(pacs: Pacs, ledger: Ledger) -> None:
    ask(pacs, ledger, wait_seconds=0.05)
    assert ledger.answers == []


def test_a_peer_that_is_gone_before_it_is_asked_has_broken_off(pacs: Pacs, ledger: Ledger) -> None:
    with opened(pacs, ledger) as questions:
        questions._association.abort()
        with pytest.raises(CommitmentNotOffered, match="broke off"):
            questions.request_commitment(QUESTION, ASKED, wait_seconds=5)


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
    pacs: Pacs, ledger: Ledger, status: int | None, error: type[Exception], words: str
) -> None:
    pacs.status = status
    with pytest.raises(QuestionUnanswered, match=words) as refused:
        ask(pacs, ledger)
    assert type(refused.value) is error
