"""Who may associate with the node, and within which limits."""

import ipaddress
import socket
from dataclasses import dataclass


@dataclass(frozen=True)
class Peer:
    """A remote AE as one record: its title, and the address or network it must come from."""

    ae_title: str
    address: str | None = None

    def is_calling(self, ae_title: str, address: str) -> bool:
        return self.ae_title == ae_title and (
            self.address is None or _host(address) in ipaddress.ip_network(self.address, False)
        )


@dataclass(frozen=True)
class AssociationPolicy:
    """What the acceptor requires and grants; without allowed peers any calling AE may come.

    `own_hosts` are names or addresses of other parts of the node, which call by our own AE title.
    """

    ae_title: str
    allowed_peers: tuple[Peer, ...] = ()
    own_hosts: tuple[str, ...] = ()
    max_associations: int = 50
    max_pdu_bytes: int = 131072
    object_max_bytes: int = 2 << 30
    acse_timeout_seconds: float = 30
    dimse_timeout_seconds: float = 30
    network_timeout_seconds: float = 60
    handshake_timeout_seconds: float = 8  # of TLS, from first to last byte
    pdu_pause_seconds: float = 10  # the longest silence within one PDU
    pdu_timeout_seconds: float = 30  # the longest that one PDU may take

    def __post_init__(self) -> None:
        for peer in self.allowed_peers:
            if peer.address is not None:
                ipaddress.ip_network(peer.address, False)

    def admits(self, calling_ae_title: str, address: str) -> bool:
        peers = self.allowed_peers
        if not peers or any(peer.is_calling(calling_ae_title, address) for peer in peers):
            return True
        # Asked anew each time: a container that is made again has another address.
        return calling_ae_title == self.ae_title and any(
            _host(address) in _addresses_of(host) for host in self.own_hosts
        )


def _addresses_of(host: str) -> set[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):  # it is not there now, or no name at all
        return set()
    return {_host(str(socket_address[0])) for *_, socket_address in found}


def _host(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    host = ipaddress.ip_address(address)
    # A socket bound to "::" sees IPv4 callers as ::ffff:a.b.c.d.
    return getattr(host, "ipv4_mapped", None) or host
