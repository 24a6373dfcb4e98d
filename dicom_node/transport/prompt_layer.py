"""The upper layer of an association (PS3.8), woken rather than polling."""

import time
from collections.abc import Callable
from queue import Queue
from typing import Any

from pynetdicom.association import Association
from pynetdicom.dul import DULServiceProvider
from pynetdicom.timer import Timer


class MonotonicTimer(Timer):  # type: ignore[misc]
    """pynetdicom's reads the clock on the wall: set forward, it ended every association at once."""

    _start_time: float | None
    _end_time: float | None

    def start(self) -> None:
        self._start_time = time.monotonic()
        self._end_time = None

    def stop(self) -> None:
        self._end_time = time.monotonic()

    @property
    def remaining(self) -> float:
        """Seconds; 1 where the timer never expires."""
        if self.timeout is None:
            return 1
        if self._start_time is None:
            return float(self.timeout)
        until = time.monotonic() if self._end_time is None else self._end_time
        return float(self.timeout - (until - self._start_time))


class _UserQueue(Queue[Any]):
    """What the upper layer has for the association, which is told of it."""

    def __init__(self, tell: Callable[[], None]) -> None:
        super().__init__()
        self._tell = tell

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        super().put(item, block, timeout)
        self._tell()


class PromptDul(DULServiceProvider):  # type: ignore[misc]
    """Sleeps where its connection does, a PromptSocket, until either side has something to do.

    `tell` wakes the association, which has something to do then.
    """

    def __init__(self, association: Association, tell: Callable[[], None]) -> None:
        super().__init__(association)
        self._run_loop_delay = 0  # it sleeps in PromptSocket.ready
        self._idle_timer = MonotonicTimer(association.network_timeout)
        self.artim_timer = MonotonicTimer(association.acse_timeout)
        self.to_user_queue = _UserQueue(tell)

    def send_pdu(self, primitive: Any) -> None:
        super().send_pdu(primitive)
        self.socket.wake()

    def kill_dul(self) -> None:
        super().kill_dul()
        self.socket.wake()

    def stop_dul(self) -> bool:
        if self.state_machine.current_state != "Sta1":
            self.socket.wake()
            return False
        self.kill_dul()
        self.join()
        return True
