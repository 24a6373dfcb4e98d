"""Who has connected, before it is known who that is."""

import ipaddress
import socket
from contextlib import suppress
from dataclasses import dataclass, field


def origin_of(address: str) -> str:
    """Whom an address belongs to: an IPv4 address to itself, an IPv6 address to its network.

    Whoever has one IPv6 address has 2^64 of them (RFC 4291 2.5.1).
    """
    found = ipaddress.ip_address(address.partition("%")[0])
    found = getattr(found, "ipv4_mapped", None) or found
    return str(found if found.version == 4 else ipaddress.ip_network((found, 64), strict=False))


@dataclass(eq=False)
class Caller:
    """A connection that has not asked for an association yet, and what it has sent of its request.

    `due_at`, of the monotonic clock, is when it must have asked.
    """

    connection: socket.socket
    client_address: tuple[str, int]
    due_at: float
    received: bytearray = field(default_factory=bytearray)

    def __post_init__(self) -> None:
        self.address = self.client_address[0]
        self.origin = origin_of(self.address)

    def hang_up(self) -> None:
        """End the connection, from any thread: whoever reads from it finds it closed."""
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
