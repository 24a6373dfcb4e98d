"""Somebody who means it: associates, asks C-ECHO, releases; again and again, by the watch."""

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.dicom_node.attacks import wire

_PATIENCE_SECONDS = 10
_PAUSE_SECONDS = 0.1
_SUCCESS = bytes.fromhex("0000 0009 02000000 0000")  # (0000,0900) Status, implicit VR


class Unanswered(Exception):
    """The C-ECHO was not answered with Success."""


def echo(target: wire.Target, source: str) -> float:
    """Seconds from connecting to the released association. Raises Unanswered."""
    started_at = time.monotonic()
    try:
        with target.connect(source, _PATIENCE_SECONDS) as connection:
            connection.sendall(wire.associate_request(target.called))
            kind, body = wire.read_pdu(connection)
            if kind != wire.ASSOCIATE_AC:
                raise Unanswered(f"PDU {kind}: {body.hex()}")
            connection.sendall(wire.echo_request())
            kind, body = wire.read_pdu(connection)
            if kind != wire.P_DATA or _SUCCESS not in body:
                raise Unanswered(f"PDU {kind} instead of a C-ECHO-RSP")
            connection.sendall(wire.RELEASE)
            wire.read_pdu(connection)
    except OSError as error:
        raise Unanswered(type(error).__name__) from error
    return time.monotonic() - started_at


@dataclass
class Watch:
    """What the honest caller of one address has seen: seconds of each echo, and what failed."""

    source: str
    seconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def p99_seconds(self) -> float:
        """With fewer than a hundred echoes the slowest; an echo that failed took for ever."""
        times = sorted([*self.seconds, *(math.inf for _ in self.failures)])
        return times[math.ceil(len(times) * 0.99) - 1] if times else math.inf

    @property
    def slowest_seconds(self) -> float:
        return max(self.seconds, default=math.inf)

    def __str__(self) -> str:
        asked = len(self.seconds) + len(self.failures)
        return (
            f"{self.source}: {len(self.seconds)} of {asked} answered, "
            f"p99 {self.p99_seconds:.3f} s, max {self.slowest_seconds:.3f} s"
            + (f", failures {sorted(set(self.failures))}" if self.failures else "")
        )

    def keep_asking(self, target: wire.Target, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                self.seconds.append(echo(target, self.source))
            except Unanswered as error:
                self.failures.append(str(error))
            stop.wait(_PAUSE_SECONDS)


@contextmanager
def watching(target: wire.Target, *sources: str) -> Iterator[list[Watch]]:
    """Asks from each source address about every 100 ms until left."""
    stop = threading.Event()
    watches = [Watch(source) for source in sources]
    threads = [threading.Thread(target=watch.keep_asking, args=(target, stop)) for watch in watches]
    for thread in threads:
        thread.start()
    try:
        yield watches
    finally:
        stop.set()
        for thread in threads:
            thread.join()
