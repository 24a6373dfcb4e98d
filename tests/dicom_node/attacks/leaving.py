"""Senders that leave amid a C-STORE: at a PDU's boundary or within one, in each way there is."""

import random
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from tests.dicom_node.attacks import wire

_PIECE_BYTES = 4000
_AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER: unsent data are dropped, and a reset is sent


def _abort(connection: socket.socket) -> None:
    connection.sendall(wire.ABORTED)


def _release(connection: socket.socket) -> None:
    connection.sendall(wire.RELEASE)
    connection.settimeout(1)
    wire.read_pdu(connection)


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)


def _close(_: socket.socket) -> None:
    """Closing is what follows in any case."""


WAYS: dict[str, Callable[[socket.socket], None]] = {
    "abort": _abort,
    "release": _release,
    "reset": _reset,
    "close": _close,
}


@dataclass(frozen=True)
class Leaving:
    """After how many bytes of the message, and how."""

    after_bytes: int
    way: str


def message(sop_instance_uid: str, data_set: bytes) -> list[bytes]:
    """The PDUs of a C-STORE-RQ on the first context; the data set is in its transfer syntax."""
    command = wire.store_command(sop_instance_uid.encode())
    pieces = [
        data_set[start : start + _PIECE_BYTES] for start in range(0, len(data_set), _PIECE_BYTES)
    ]
    controls = [wire.DATA] * (len(pieces) - 1) + [wire.DATA | wire.LAST]
    values = [wire.fragment(1, wire.COMMAND | wire.LAST, command)]
    values += [
        wire.fragment(1, control, piece) for control, piece in zip(controls, pieces, strict=True)
    ]
    return [wire.pdu(wire.P_DATA, value) for value in values]


def leavings(pdus: list[bytes], count: int, seed: int) -> Iterator[Leaving]:
    """Each way at each boundary but the last, where the message is whole; then anywhere."""
    chance = random.Random(seed)
    boundary, boundaries = 0, [0]
    for one in pdus[:-1]:
        boundary += len(one)
        boundaries.append(boundary)
    at_boundaries = [Leaving(after, way) for after in boundaries for way in WAYS]
    yield from at_boundaries[:count]
    within = ("reset", "close")  # amid a PDU there is nothing else to be said
    whole = sum(map(len, pdus))
    for _ in range(count - len(at_boundaries)):
        yield Leaving(chance.randrange(whole), chance.choice(within))


def store_and_leave(target: wire.Target, pdus: list[bytes], leaving: Leaving) -> None:
    with target.connect() as connection:
        request = wire.associate_request(target.called, "LEAVING", [wire.COMPUTED_RADIOGRAPHY])
        connection.sendall(request)
        wire.read_pdu(connection)
        connection.sendall(b"".join(pdus)[: leaving.after_bytes])
        with suppress(OSError):
            WAYS[leaving.way](connection)
