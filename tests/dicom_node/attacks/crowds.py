"""Many connections that take up room: one thread holds them all, and opens anew what was closed."""

import selectors
import socket
import struct
import threading
import time
from contextlib import suppress
from dataclasses import dataclass

from tests.dicom_node.attacks import wire

_TURN_SECONDS = 0.05
_OPENED_PER_TURN = 100
_TLS_RECORD_HEAD = bytes.fromhex("1603010200010001fc0303")  # of a ClientHello of 512 bytes


@dataclass(frozen=True)
class Crowd:
    """`size` connections that each send `opening`, and then `drip` every `pause_seconds`."""

    size: int
    opening: bytes = b""
    drip: bytes = b""
    pause_seconds: float = 0.1
    reopens: bool = True
    source: str = "127.0.0.1"


SILENT = Crowd(10)
HALF_HEADERS = Crowd(10, opening=b"\x01\x00\x00")
HUGE_REQUESTS = Crowd(
    10, opening=struct.pack(">BBL", 1, 0, 0xFFFFFFFF), drip=bytes(1 << 20), pause_seconds=0
)
SILENT_BEFORE_TLS = Crowd(100)
HALF_A_TLS_GREETING = Crowd(100, opening=_TLS_RECORD_HEAD)
DRIPS = Crowd(100, opening=struct.pack(">BBL", 1, 0, 1000), drip=b"\0")
HALF_OPEN = Crowd(1000)
FULL_BUT_FOR_A_BYTE = Crowd(200, opening=struct.pack(">BBL", 1, 0, 200_000) + bytes(199_999))


class _Member:
    """One connection of a crowd, and what it still has to send."""

    def __init__(self, connection: socket.socket, opening: bytes) -> None:
        self.connection = connection
        self.unsent = memoryview(opening)
        self.drips_at = 0.0


class CrowdRunner:
    """Keeps the crowd at its size until told to stop; counts what it did."""

    def __init__(self, target: wire.Target, crowd: Crowd) -> None:
        self.opened = 0
        self.closed_by_target = 0
        self._target = target
        self._crowd = crowd
        self._members: set[_Member] = set()
        self._selector = selectors.DefaultSelector()

    def run(self, stop: threading.Event) -> None:
        try:
            while not stop.is_set():
                self._fill()
                for key, events in self._selector.select(_TURN_SECONDS):
                    self._serve(key.data, events)
                self._drip()
        finally:
            for member in list(self._members):
                self._drop(member)
            self._selector.close()

    def _fill(self) -> None:
        for _ in range(_OPENED_PER_TURN):
            if len(self._members) >= self._crowd.size:
                return
            if self.opened >= self._crowd.size and not self._crowd.reopens:
                return
            connection = socket.socket()
            connection.setblocking(False)
            connection.bind((self._crowd.source, 0))
            with suppress(BlockingIOError):
                connection.connect((self._target.host, self._target.port))
            member = _Member(connection, self._crowd.opening)
            self._members.add(member)
            both = selectors.EVENT_READ | selectors.EVENT_WRITE
            self._selector.register(connection, both, member)
            self.opened += 1

    def _serve(self, member: _Member, events: int) -> None:
        try:
            if events & selectors.EVENT_READ and not member.connection.recv(4096):
                raise ConnectionAbortedError
            if events & selectors.EVENT_WRITE:
                self._send(member)
        except BlockingIOError:
            return
        except OSError:
            self.closed_by_target += 1
            self._drop(member)

    def _send(self, member: _Member) -> None:
        if member.unsent:
            member.unsent = member.unsent[member.connection.send(member.unsent) :]
        elif self._crowd.drip and self._crowd.pause_seconds == 0:
            member.unsent = memoryview(self._crowd.drip)
        else:
            self._selector.modify(member.connection, selectors.EVENT_READ, member)

    def _drip(self) -> None:
        now = time.monotonic()
        if not self._crowd.drip or self._crowd.pause_seconds == 0:
            return
        for member in list(self._members):
            if now >= member.drips_at:
                member.drips_at = now + self._crowd.pause_seconds
                with suppress(OSError):
                    member.connection.send(self._crowd.drip)

    def _drop(self, member: _Member) -> None:
        self._members.discard(member)
        self._selector.unregister(member.connection)
        member.connection.close()
