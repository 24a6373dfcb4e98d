"""Audit messages by syslog over TLS: whole or not told, whatever the repository does."""

import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dicom_node.peer import PeerRefused, PeerUnavailable
from messages.audit_syslog import (
    AuditRepository,
    SyslogMessage,
    send_messages,
    verify_repository,
)
from tests.certificates import make_certificate
from tests.messages.syslog_receiver import Receiver, rsyslog, silent_receiver, syslog_receiver
from tests.waiting import wait_for

pytestmark = pytest.mark.requirement("R-AUDIT-3")

Pair = tuple[Path, Path]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return make_certificate(tmp_path_factory.mktemp("repository"), "IP:127.0.0.1")


@pytest.fixture
def receiver(certificate: Pair) -> Iterator[Receiver]:
    with syslog_receiver(certificate) as running:
        yield running


def some_messages(count: int = 3) -> list[SyslogMessage]:
    moment = datetime(2026, 11, 29, 18, 0, 0, 123000, tzinfo=UTC)
    return [
        SyslogMessage(number, moment, "node", number == 2, f"<A>{number} ü\n</A>".encode())
        for number in range(1, count + 1)
    ]


def test_messages_arrive_whole_and_in_order(receiver: Receiver) -> None:
    send_messages(receiver.repository(), some_messages())
    wait_for(lambda: len(receiver.frames) == 3, "three messages", 5)
    assert receiver.messages == [f"<A>{number} ü\n</A>".encode() for number in (1, 2, 3)]
    priority, moment, host, sequence, _ = receiver.fields(receiver.frames[1])
    assert (priority, moment) == (b"84", b"2026-11-29T18:00:00.123Z")
    assert (host, sequence) == (b"node", b"2")
    assert receiver.fields(receiver.frames[0])[0] == b"85"


def test_sequence_begins_again_where_syslog_has_no_higher_number(receiver: Receiver) -> None:
    moment = datetime.now(UTC)
    numbers = (2**31 - 1, 2**31, 2**31 + 1)
    messages = [SyslogMessage(number, moment, "node", False, b"<A/>") for number in numbers]
    send_messages(receiver.repository(), messages)
    assert receiver.sequences == [2**31 - 1, 1, 2]


def test_what_is_cut_off_is_not_told(receiver: Receiver) -> None:
    receiver.cut_after = 100
    with pytest.raises(PeerUnavailable):
        send_messages(receiver.repository(), some_messages(2000))
    send_messages(receiver.repository(), some_messages())
    assert receiver.sequences[-3:] == [1, 2, 3]


def test_end_without_close_notify_is_no_proof(receiver: Receiver) -> None:
    receiver.answers_close_notify = False
    with pytest.raises(PeerUnavailable, match="audit_repository_close_notify"):
        send_messages(receiver.repository(), some_messages())
    send_messages(receiver.repository(answers_close_notify=False), some_messages())
    receiver.cut_after = 100
    with pytest.raises(PeerUnavailable):
        send_messages(receiver.repository(answers_close_notify=False), some_messages(2000))


def test_repository_that_says_nothing_is_given_up_in_time() -> None:
    with silent_receiver() as port:
        repository = AuditRepository("127.0.0.1", port, timeout_seconds=0.5)
        with pytest.raises(PeerUnavailable, match="no TLS came about"):
            send_messages(repository, some_messages())


def test_repository_that_reads_nothing_is_given_up_in_time(certificate: Pair) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    leaving = threading.Event()

    def shake_hands_and_sleep(server: socket.socket) -> None:
        plain, _ = server.accept()
        with context.wrap_socket(plain, server_side=True):
            leaving.wait(20)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=shake_hands_and_sleep, args=(server,), daemon=True)
        thread.start()
        port = server.getsockname()[1]
        repository = AuditRepository("127.0.0.1", port, certificate[0], timeout_seconds=0.5)
        with pytest.raises(PeerUnavailable, match="in time"):
            send_messages(repository, some_messages(20_000))
        leaving.set()
        thread.join(5)


def test_repository_of_another_name_or_authority_is_told_nothing(
    receiver: Receiver, tmp_path: Path
) -> None:
    with pytest.raises(PeerRefused, match="certificate is not trusted"):
        send_messages(receiver.repository(authorities=None), some_messages())
    other = make_certificate(tmp_path, "DNS:elsewhere.example")
    with syslog_receiver(other) as elsewhere:
        with pytest.raises(PeerRefused, match="certificate is not trusted"):
            send_messages(elsewhere.repository(), some_messages())
        assert elsewhere.frames == []
    assert receiver.frames == []


def test_repository_that_wants_a_certificate_gets_ours(certificate: Pair, tmp_path: Path) -> None:
    ours = make_certificate(tmp_path, "DNS:osteon.example")
    with syslog_receiver(certificate, client_authorities=ours[0]) as receiver:
        # By TLS 1.3 the refusal comes after the handshake, sooner or later than our own end.
        for _ in range(20):
            with pytest.raises(PeerUnavailable):
                send_messages(receiver.repository(), some_messages())
        assert receiver.frames == []
        known = receiver.repository(certificate=ours[0], key=ours[1])
        send_messages(known, some_messages())
        assert receiver.sequences == [1, 2, 3]


def test_own_files_that_are_gone_are_named(receiver: Receiver, tmp_path: Path) -> None:
    with pytest.raises(PeerRefused, match="our own TLS files"):
        verify_repository(receiver.repository(authorities=tmp_path / "gone.pem"))


@pytest.mark.parametrize(("driver", "answers"), [("ossl", True), ("gtls", False)])
def test_rsyslog_takes_the_messages(
    driver: str, answers: bool, certificate: Pair, tmp_path: Path
) -> None:
    with rsyslog(certificate, tmp_path, driver) as (port, written):
        repository = AuditRepository("127.0.0.1", port, certificate[0])
        if not answers:
            with pytest.raises(PeerUnavailable, match="close_notify"):
                verify_repository(repository)
            repository = AuditRepository(
                "127.0.0.1", port, certificate[0], answers_close_notify=False
            )
        send_messages(repository, some_messages(50))
        wait_for(lambda: _count(written) == 50, "fifty messages in rsyslog's file", 10)


def _count(written: Path) -> int:
    return written.read_bytes().count(b"DICOM+RFC3881") if written.exists() else 0
