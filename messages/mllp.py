"""Sending an HL7 v2 message by MLLP (release 1), and waiting for what the receiver says to it."""

import socket
import ssl
import time
from dataclasses import dataclass

from dicom_node.peer import NotTakenNow, PeerRefused, PeerUnavailable, connection_trouble
from messages.acknowledgement import (
    Acknowledgement,
    AcknowledgementUnreadable,
    Verdict,
    control_id_of,
    read_acknowledgement,
)

_START, _END, _RETURN = b"\x0b", b"\x1c", b"\r"
_LARGEST_ANSWER_BYTES = 64 * 1024
_CHUNK_BYTES = 8192


@dataclass(frozen=True)
class MllpDestination:
    """A receiver of HL7 messages, with how long each step with it may take.

    `tls` says whom to trust and what to show; without it the connection is plain.
    """

    host: str
    port: int
    connection_timeout_seconds: float = 10
    acknowledgement_timeout_seconds: float = 30
    tls: ssl.SSLContext | None = None

    def __str__(self) -> str:
        return f"HL7 receiver {self.host}:{self.port}"


class AnswerNotUnderstood(PeerRefused):
    """The peer answers, yet not with an acknowledgement of our message.

    It may have taken the message all the same, so it is not sent again and again: a person looks.
    Requeued, it has the same control ID.
    """


def send_message(destination: MllpDestination, encoded: bytes) -> Acknowledgement:
    """The receiver's acceptance, on a connection of its own.

    PeerUnavailable: try again later. PeerRefused: a person looks.
    """
    control_id = control_id_of(encoded)
    with connected(destination) as connection:
        content = _exchange(destination, connection, encoded)
    try:
        acknowledgement = read_acknowledgement(content, control_id)
    except AcknowledgementUnreadable as error:
        raise AnswerNotUnderstood(f"{destination}: {error}; look into its log") from error
    _judge(destination, acknowledgement)
    return acknowledgement


def _judge(destination: MllpDestination, acknowledgement: Acknowledgement) -> None:
    said = f"{destination} answers: {acknowledgement.words}"
    if acknowledgement.verdict is Verdict.TRY_AGAIN:
        raise NotTakenNow(said, acknowledgement.condition)
    if acknowledgement.verdict is Verdict.ASK_A_PERSON:
        raise PeerRefused(f"{said}; look into its log", acknowledgement.condition)


def connected(destination: MllpDestination) -> socket.socket:
    """A connection, with TLS where the address asks for it; else PeerTrouble says what to do."""
    address = (destination.host, destination.port)
    try:
        connection = socket.create_connection(address, destination.connection_timeout_seconds)
    except OSError as error:
        raise PeerUnavailable(f"{destination}: {connection_trouble(error)}") from error
    if destination.tls is None:
        return connection
    return _secured(destination, destination.tls, connection)


def _secured(
    destination: MllpDestination, tls: ssl.SSLContext, connection: socket.socket
) -> socket.socket:
    """TLS on the connection, which a handshake that fails closes."""
    try:
        return tls.wrap_socket(connection, server_hostname=destination.host)
    except ssl.SSLCertVerificationError as error:
        raise PeerRefused(
            f"{destination}: its certificate is not trusted ({error.verify_message})"
        ) from error
    except OSError as error:
        raise PeerUnavailable(f"{destination}: no TLS came about; is it a TLS port?") from error


def _exchange(destination: MllpDestination, connection: socket.socket, encoded: bytes) -> bytes:
    """What the receiver's block holds; one deadline stands over sending and waiting."""
    deadline = time.monotonic() + destination.acknowledgement_timeout_seconds
    try:
        connection.settimeout(destination.acknowledgement_timeout_seconds)
        connection.sendall(_START + encoded + _END + _RETURN)
        return _read_block(destination, connection, deadline)
    except TimeoutError as error:
        raise PeerUnavailable(f"{destination} did not acknowledge in time") from error
    except OSError as error:
        raise PeerUnavailable(f"{destination} broke the connection off") from error


def _read_block(destination: MllpDestination, connection: socket.socket, deadline: float) -> bytes:
    """Up to the end mark; the carriage return behind it is not waited for."""
    received = b""
    while _END not in received:
        if len(received) > _LARGEST_ANSWER_BYTES:
            raise AnswerNotUnderstood(f"{destination}: its answer does not end; is it an HL7 port?")
        received += _received(destination, connection, deadline)
        if not received.startswith(_START):
            raise AnswerNotUnderstood(f"{destination} does not speak MLLP; is it an HL7 port?")
    return received[1 : received.index(_END)]


def _received(destination: MllpDestination, connection: socket.socket, deadline: float) -> bytes:
    remaining_seconds = deadline - time.monotonic()
    if remaining_seconds <= 0:
        raise TimeoutError
    connection.settimeout(remaining_seconds)
    chunk = connection.recv(_CHUNK_BYTES)
    if not chunk:
        raise PeerUnavailable(f"{destination} closed the connection without acknowledging")
    return chunk
