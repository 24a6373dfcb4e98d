"""Where the other parts of the node are: names that nobody who is admitted waits for."""

import ipaddress
import socket
import threading
import time
from collections.abc import Iterable
from contextlib import suppress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_FRESH_SECONDS = 5
_PATIENCE_SECONDS = 2


def parse_address(address: str) -> Address:
    """A socket bound to "::" sees IPv4 callers as ::ffff:a.b.c.d: that is a.b.c.d."""
    host = ipaddress.ip_address(address)
    return getattr(host, "ipv4_mapped", None) or host


class OwnHosts:
    """The addresses of some host names, asked for anew when they are wanted and no longer fresh.

    A container that is made again has another address. The name service may be slow: one thread
    asks, whoever waits, and the last answer holds meanwhile.
    """

    def __init__(self, names: Iterable[str], fresh_seconds: float = _FRESH_SECONDS) -> None:
        self._names = tuple(names)
        self._fresh_seconds = fresh_seconds
        self._known: frozenset[Address] = frozenset()
        self._fresh_until = 0.0
        self._asking: threading.Event | None = None
        self._lock = threading.Lock()

    def include(self, address: str, *, patience_seconds: float = _PATIENCE_SECONDS) -> bool:
        """Whether the address is one of them, as far as is known after that time."""
        if not self._names:
            return False
        host = parse_address(address)
        asked = self._refreshed()
        if host not in self._known and asked is not None:
            asked.wait(patience_seconds)
        return host in self._known

    def _refreshed(self) -> threading.Event | None:
        """What is set when the question under way is answered; None where none is needed."""
        with self._lock:
            if self._asking is None and time.monotonic() >= self._fresh_until:
                asking = threading.Event()
                # RuntimeError: the system gives no more threads. The last answer holds meanwhile.
                with suppress(RuntimeError):
                    threading.Thread(target=self._ask, args=(asking,), daemon=True).start()
                    self._asking = asking
            return self._asking

    def _ask(self, asked: threading.Event) -> None:
        known = frozenset(address for name in self._names for address in _addresses_of(name))
        with self._lock:
            self._known = known
            self._fresh_until = time.monotonic() + self._fresh_seconds
            self._asking = None
        asked.set()


def _addresses_of(name: str) -> set[Address]:
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):  # it is not there now, or no name at all
        return set()
    return {parse_address(str(socket_address[0])) for *_, socket_address in found}
