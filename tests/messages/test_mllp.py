"""A message reaches real receivers, and every answer to it becomes a next step."""

import socket
import ssl
import time
from dataclasses import replace
from pathlib import Path

import pytest

from dicom_node.peer import PeerRefused, PeerUnavailable
from messages.mllp import AnswerNotUnderstood, send_message
from messages.oru import build_oru
from tests.messages.messages_made import FRACTURED, ISSUE, STUDY, finding_of, ordinary_message
from tests.messages.receivers import (
    acknowledgement,
    block,
    destination_at,
    hl7apy_receiver,
    python_hl7_receiver,
    scripted_receiver,
    serving_context,
)

CONTROL_ID = ordinary_message().control_id
ENCODED = ordinary_message().encoded


def test_python_hl7_gets_the_message_byte_for_byte() -> None:
    with python_hl7_receiver() as (destination, received):
        answer = send_message(destination, ENCODED)
    assert (answer.code, answer.control_id) == ("AA", CONTROL_ID)
    assert received.get_nowait().encode() == ENCODED


def test_hl7apy_gets_the_message_and_finds_it_valid() -> None:
    with hl7apy_receiver() as (destination, received):
        assert send_message(destination, ENCODED).code == "AA"
    assert received.get_nowait().encode().rstrip() == ENCODED.rstrip()


def test_a_large_document_goes_through() -> None:
    pdf = b"%PDF-1.7\n" + bytes(range(256)) * 4096
    message = build_oru(STUDY, finding_of(FRACTURED), replace(ISSUE, pdf=pdf))
    with python_hl7_receiver() as (destination, received):
        send_message(destination, message.encoded)
    assert received.get_nowait().encode() == message.encoded


def test_error_of_the_application_is_tried_again() -> None:
    with hl7apy_receiver("207") as (destination, _), pytest.raises(PeerUnavailable) as caught:
        send_message(destination, ENCODED)
    assert "AE (error), 207 application internal error" in str(caught.value)
    assert caught.value.status == 207


def test_a_refusal_is_for_a_person_and_quotes_no_patient() -> None:
    with hl7apy_receiver("204") as (destination, _), pytest.raises(PeerRefused) as caught:
        send_message(destination, ENCODED)
    assert "204 unknown key identifier" in str(caught.value)
    assert "Müller" not in str(caught.value)


@pytest.mark.parametrize("code", ["CA", "AE", "AR", "CE", "CR"])
def test_codes_of_either_mode(code: str) -> None:
    with python_hl7_receiver(code) as (destination, _):
        if code == "CA":
            assert send_message(destination, ENCODED).code == "CA"
            return
        with pytest.raises(PeerRefused, match=code):
            send_message(destination, ENCODED)


NOT_ACKNOWLEDGEMENTS = {
    "not MLLP": (b"HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak MLLP"),
    "no start mark": (acknowledgement(f"MSA|AA|{CONTROL_ID}") + b"\x1c\r", "does not speak MLLP"),
    "no MSA": (block(acknowledgement()), "no acknowledgement code"),
    "no MSH": (block(f"MSA|AA|{CONTROL_ID}\r".encode()), "no acknowledgement code"),
    "nothing": (block(b""), "no acknowledgement code"),
    "other code": (block(acknowledgement(f"MSA|OK|{CONTROL_ID}")), "no acknowledgement code"),
    "other message": (block(acknowledgement("MSA|AA|12345")), "another message"),
    "no control ID": (block(acknowledgement("MSA|AA")), "another message"),
    "no text": (block(b"MSH\xff\xfe\x00|" * 3), "no acknowledgement code"),
}


@pytest.mark.parametrize(
    ("answer", "said"), NOT_ACKNOWLEDGEMENTS.values(), ids=NOT_ACKNOWLEDGEMENTS.keys()
)
def test_what_is_no_acknowledgement_is_for_a_person(answer: bytes, said: str) -> None:
    answering = scripted_receiver(lambda connection: connection.sendall(answer))
    with answering as port, pytest.raises(AnswerNotUnderstood, match=said):
        send_message(destination_at(port), ENCODED)


def test_an_answer_in_pieces_without_its_last_byte_is_enough() -> None:
    whole = block(acknowledgement(f"MSA|AA|{CONTROL_ID}"))[:-1]

    def in_pieces(connection: socket.socket) -> None:
        for place in range(0, len(whole), 20):
            connection.sendall(whole[place : place + 20])
            time.sleep(0.002)

    with scripted_receiver(in_pieces) as port:
        assert send_message(destination_at(port), ENCODED).code == "AA"


def test_an_endless_answer_is_not_read_to_its_end() -> None:
    def endless(connection: socket.socket) -> None:
        connection.sendall(b"\x0bMSH|")
        while True:
            connection.sendall(b"A" * 65536)

    with scripted_receiver(endless) as port, pytest.raises(AnswerNotUnderstood, match="not end"):
        send_message(destination_at(port), ENCODED)


def test_a_slow_drip_does_not_outlast_the_deadline() -> None:
    def drip(connection: socket.socket) -> None:
        connection.sendall(b"\x0b")
        while True:
            connection.sendall(b"A")
            time.sleep(0.05)

    began = time.monotonic()
    with scripted_receiver(drip) as port, pytest.raises(PeerUnavailable, match="in time"):
        send_message(destination_at(port, acknowledgement_timeout_seconds=0.3), ENCODED)
    assert 0.25 < time.monotonic() - began < 3


@pytest.mark.parametrize("answer", [b"", b"\x0bMSH|^~\\&|RIS"], ids=["at once", "half-way"])
def test_a_connection_closed_early_is_tried_again(answer: bytes) -> None:
    answering = scripted_receiver(lambda connection: connection.sendall(answer))
    with answering as port, pytest.raises(PeerUnavailable, match="closed the connection"):
        send_message(destination_at(port), ENCODED)


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(PeerUnavailable, match="connection refused"):
        send_message(destination_at(port), ENCODED)


def test_a_name_that_is_nowhere() -> None:
    nowhere = replace(destination_at(2575), host="receiver.invalid")
    with pytest.raises(PeerUnavailable, match="cannot be resolved"):
        send_message(nowhere, ENCODED)


def test_tls_to_a_receiver_that_is_trusted(certificate: Path) -> None:
    trusting = ssl.create_default_context(cafile=certificate)
    with python_hl7_receiver(tls=serving_context(certificate)) as (destination, received):
        assert send_message(replace(destination, tls=trusting), ENCODED).code == "AA"
    assert received.get_nowait().encode() == ENCODED


def test_tls_to_a_receiver_that_is_not_trusted(certificate: Path) -> None:
    serving = python_hl7_receiver(tls=serving_context(certificate))
    untrusted = pytest.raises(PeerRefused, match="certificate is not trusted")
    with serving as (destination, received), untrusted:
        send_message(replace(destination, tls=ssl.create_default_context()), ENCODED)
    assert received.empty()


def test_tls_to_a_plain_port() -> None:
    with hl7apy_receiver() as (destination, _), pytest.raises(PeerUnavailable, match="TLS port"):
        send_message(replace(destination, tls=ssl.create_default_context()), ENCODED)
