"""Failed sign-ins by address: whoever guesses at many accounts is stopped too."""

import ipaddress
import time
from collections import OrderedDict, deque
from threading import Lock

MOST_FAILURES = 20
WINDOW_SECONDS = 15 * 60.0
_MOST_ADDRESSES = 10_000


class AddressBlocked(Exception):
    """Too many sign-ins failed from this address: it waits."""


class FailuresByAddress:
    """Kept in memory: a restart of the page forgets them, the locks of accounts it does not."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._moments: OrderedDict[str, deque[float]] = OrderedDict()

    def begin(self, address: str) -> bool:
        """Count an attempt as failed until it succeeds; raises AddressBlocked.

        True: it is the last one, unless it succeeds.
        """
        now = time.monotonic()
        with self._lock:
            moments = self._moments.setdefault(_network(address), deque())
            self._moments.move_to_end(_network(address))
            while moments and moments[0] < now - WINDOW_SECONDS:
                moments.popleft()
            if len(moments) >= MOST_FAILURES:
                raise AddressBlocked
            moments.append(now)
            if len(self._moments) > _MOST_ADDRESSES:
                self._moments.popitem(last=False)
            return len(moments) >= MOST_FAILURES

    def succeeded(self, address: str) -> None:
        """The latest attempt was no failure; earlier ones stay, or one account would wash all."""
        with self._lock:
            moments = self._moments.get(_network(address))
            if moments:
                moments.pop()


def _network(address: str) -> str:
    """An IPv6 machine has a whole /64 of addresses to itself."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    if parsed.ipv4_mapped is not None:  # as a proxy that listens to both writes it
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((int(parsed), 64), strict=False))
