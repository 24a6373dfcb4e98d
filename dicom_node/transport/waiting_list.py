"""How many connections may wait before they ask for an association, and who makes room."""

import resource
import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from dicom_node.transport.caller import Caller

_WAITING_AT_MOST = 1024
_OF_ONE_ORIGIN = 0.75
_WAITING_BYTES = 16 << 20


def _as_many_as_descriptors_allow() -> int:
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return min(_WAITING_AT_MOST, allowed // 4)


@dataclass(frozen=True)
class WaitingLimits:
    """How many may wait, and how many bytes of their requests with them.

    Waiting costs a descriptor and no thread: there may be many.
    """

    at_most: int = field(default_factory=_as_many_as_descriptors_allow)
    at_most_bytes: int = _WAITING_BYTES

    @property
    def of_one_origin(self) -> int:
        return max(1, int(self.at_most * _OF_ONE_ORIGIN))


class WaitingList:
    """Who waits, by origin, in the order of their coming; threads may share it.

    A newcomer is always let in: whoever means it asks at once, and the one who has waited longest
    has had the most time for it.
    """

    def __init__(self, limits: WaitingLimits) -> None:
        self._limits = limits
        self._waiting: OrderedDict[Caller, None] = OrderedDict()
        self._origins: dict[str, OrderedDict[Caller, None]] = {}
        self._bytes = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._waiting)

    def enter(self, caller: Caller) -> Caller | None:
        """Let the caller in; who has to leave for it is off the list."""
        with self._lock:
            self._waiting[caller] = None
            self._origins.setdefault(caller.origin, OrderedDict())[caller] = None
            return self._removed(self._one_too_many(caller.origin))

    def note(self, caller: Caller, data: bytes) -> Caller | None:
        """The caller has sent this; who has sent most where all sent too much is off the list.

        Of who is off it already nothing is kept: nobody would ever take its bytes off the sum.
        """
        with self._lock:
            if caller not in self._waiting:
                return None
            caller.received += data
            self._bytes += len(data)
            if self._bytes <= self._limits.at_most_bytes:
                return None
            return self._removed(max(self._waiting, key=lambda waiting: len(waiting.received)))

    def leave(self, caller: Caller) -> bool:
        """Whether the caller was still on the list."""
        with self._lock:
            return caller in self._waiting and self._removed(caller) is caller

    def overdue(self, now: float) -> list[Caller]:
        """Who ought to have asked by now: they are off the list."""
        with self._lock:
            late = []
            while self._waiting and (first := next(iter(self._waiting))).due_at <= now:
                late.append(first)
                self._removed(first)
            return late

    def next_due_at(self) -> float | None:
        with self._lock:
            return next((caller.due_at for caller in self._waiting), None)

    def everybody(self) -> list[Caller]:
        with self._lock:
            return list(self._waiting)

    def _one_too_many(self, origin: str) -> Caller | None:
        crowd = self._origins[origin]
        if len(self._waiting) > self._limits.at_most:
            crowd = max(self._origins.values(), key=len)
        elif len(crowd) <= self._limits.of_one_origin:
            return None
        return next(iter(crowd))

    def _removed(self, caller: Caller | None) -> Caller | None:
        if caller is not None:
            del self._waiting[caller]
            self._bytes -= len(caller.received)
            crowd = self._origins[caller.origin]
            del crowd[caller]
            if not crowd:
                del self._origins[caller.origin]
        return caller
