"""Many honest association requests at the same moment, and what each is answered."""

import selectors
import socket
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field

from tests.dicom_node.attacks import wire


@dataclass
class Burst:
    """What became of the requests: each answer with the seconds until it came."""

    answers: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)

    @property
    def slowest_seconds(self) -> float:
        return max(self.seconds, default=0)

    def __str__(self) -> str:
        return f"{dict(self.answers)}, the last after {self.slowest_seconds:.2f} s"


def burst(target: wire.Target, size: int, patience_seconds: float = 30) -> Burst:
    """`size` requests at once; whoever is accepted stays until all are answered."""
    found, request = Burst(), wire.associate_request(target.called)
    connections = [socket.socket() for _ in range(size)]
    started_at = time.monotonic()
    try:
        with selectors.DefaultSelector() as selector:
            for connection in connections:
                connection.setblocking(False)
                with suppress(BlockingIOError):
                    connection.connect((target.host, target.port))
                selector.register(connection, selectors.EVENT_WRITE)
            while selector.get_map() and time.monotonic() < started_at + patience_seconds:
                for key, events in selector.select(0.1):
                    answer = _take_turn(selector, key.fileobj, events, request)
                    if answer is not None:
                        found.answers[answer] += 1
                        found.seconds.append(time.monotonic() - started_at)
            if unanswered := len(selector.get_map()):
                found.answers["nothing"] = unanswered
    finally:
        for connection in connections:
            connection.close()
    return found


def _take_turn(
    selector: selectors.BaseSelector, connection: object, events: int, request: bytes
) -> str | None:
    """The answer on this connection, once it is there: nothing more is awaited on it then."""
    assert isinstance(connection, socket.socket)
    try:
        if events & selectors.EVENT_WRITE:
            connection.send(request)
            selector.modify(connection, selectors.EVENT_READ)
            return None
        answer = _words(connection.recv(4096))
    except OSError as error:
        answer = type(error).__name__
    selector.unregister(connection)
    return answer


def _words(data: bytes) -> str:
    if not data:
        return "closed"
    if data[0] == wire.ASSOCIATE_RJ:
        return f"rejected {data[7]}, {data[8]}, {data[9]}"
    return "accepted" if data[0] == wire.ASSOCIATE_AC else f"PDU {data[0]}"
