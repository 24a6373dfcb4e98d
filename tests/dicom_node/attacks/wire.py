"""The few PDUs (PS3.8 9.3) and messages (PS3.7) that an attacker needs, byte by byte."""

import socket
import ssl
import struct
from collections.abc import Iterable
from dataclasses import dataclass

VERIFICATION = b"1.2.840.10008.1.1"
COMPUTED_RADIOGRAPHY = b"1.2.840.10008.5.1.4.1.1.1"
IMPLICIT_LITTLE_ENDIAN = b"1.2.840.10008.1.2"
ASSOCIATE_RQ, ASSOCIATE_AC, ASSOCIATE_RJ, P_DATA, RELEASE_RQ, RELEASE_RP, ABORT = range(1, 8)
COMMAND, DATA, LAST = 1, 0, 2  # of the message control header, PS3.8 E.2


@dataclass(frozen=True)
class Target:
    """A DICOM port, what its AE is called, and how TLS is spoken there, if it is."""

    host: str
    port: int
    called: str = "OSTEON"
    tls: ssl.SSLContext | None = None

    def connect(self, source: str = "127.0.0.1", timeout_seconds: float = 10) -> socket.socket:
        place = (self.host, self.port)
        connection = socket.create_connection(place, timeout_seconds, (source, 0))
        if self.tls is None:
            return connection
        try:
            return self.tls.wrap_socket(connection, server_hostname=self.host)
        except BaseException:
            connection.close()
            raise


def pdu(kind: int, body: bytes) -> bytes:
    return struct.pack(">BBL", kind, 0, len(body)) + body


def item(kind: int, body: bytes) -> bytes:
    return struct.pack(">BBH", kind, 0, len(body)) + body


def associate_request(
    called: str = "OSTEON",
    calling: str = "HONEST",
    sop_classes: Iterable[bytes] = (VERIFICATION,),
) -> bytes:
    """An A-ASSOCIATE-RQ; the contexts are 1, 3, 5, …"""
    titles = called.encode().ljust(16) + calling.encode().ljust(16)
    contexts = b"".join(
        item(
            0x20,
            bytes([2 * number + 1, 0, 0, 0])
            + item(0x30, sop_class)
            + item(0x40, IMPLICIT_LITTLE_ENDIAN),
        )
        for number, sop_class in enumerate(sop_classes)
    )
    user = item(0x50, item(0x51, struct.pack(">L", 16384)) + item(0x52, b"1.2.3"))
    application = item(0x10, b"1.2.840.10008.3.1.1.1")
    body = struct.pack(">HH", 1, 0) + titles + bytes(32) + application + contexts + user
    return pdu(ASSOCIATE_RQ, body)


def fragment(context_id: int, control: int, body: bytes) -> bytes:
    """A presentation data value."""
    return struct.pack(">LBB", len(body) + 2, context_id, control) + body


def element(group: int, number: int, value: bytes) -> bytes:
    return struct.pack("<HHL", group, number, len(value)) + value


def command(*elements: tuple[int, bytes]) -> bytes:
    """A command set (PS3.7 6.3.1): element numbers of group 0000 with their values."""
    body = b"".join(element(0, number, value) for number, value in elements)
    return element(0, 0, struct.pack("<L", len(body))) + body


def number(value: int) -> bytes:
    return struct.pack("<H", value)


def uid(value: bytes) -> bytes:
    return value + b"\0" * (len(value) % 2)


def echo_command(message_id: int = 1) -> bytes:
    return command(
        (0x0002, uid(VERIFICATION)),
        (0x0100, number(0x0030)),
        (0x0110, number(message_id)),
        (0x0800, number(0x0101)),
    )


def echo_request(message_id: int = 1) -> bytes:
    """A C-ECHO-RQ on the first context, in one P-DATA-TF."""
    return pdu(P_DATA, fragment(1, COMMAND | LAST, echo_command(message_id)))


def store_command(sop_instance: bytes, sop_class: bytes = COMPUTED_RADIOGRAPHY) -> bytes:
    return command(
        (0x0002, uid(sop_class)),
        (0x0100, number(0x0001)),
        (0x0110, number(7)),
        (0x0700, number(0)),
        (0x0800, number(1)),
        (0x1000, uid(sop_instance)),
    )


RELEASE = pdu(RELEASE_RQ, bytes(4))
ABORTED = pdu(ABORT, bytes(4))


def read_pdu(connection: socket.socket) -> tuple[int, bytes]:
    """Kind and body of the next PDU; ConnectionError where the other side closes instead."""
    kind, _, length = struct.unpack(">BBL", _read(connection, 6))
    return kind, _read(connection, length)


def _read(connection: socket.socket, length: int) -> bytes:
    data = b""
    while len(data) < length:
        piece = connection.recv(length - len(data))
        if not piece:
            raise ConnectionAbortedError("closed")
        data += piece
    return data
