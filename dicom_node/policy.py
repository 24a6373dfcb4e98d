"""Who may associate with the node, and within which limits."""

import ipaddress
import socket
from dataclasses import dataclass
from enum import StrEnum

from dicom_node.certificate_name import CertificateName


@dataclass(frozen=True)
class Shown:
    """How a caller came: by TLS or not, and the certificate (DER) that it showed, checked."""

    encrypted: bool = False
    certificate: bytes | None = None


BY_PLAIN_TCP = Shown()


class Refusal(StrEnum):
    """Why a caller is not admitted, for the log."""

    UNKNOWN = "unknown"  # no peer has this AE title and may come from this address
    NEEDS_TLS = "needs-tls"  # it came by plain TCP
    WRONG_CERTIFICATE = "wrong-certificate"  # it showed another's, or none
    NO_CERTIFICATE_NAMED = "no-certificate-named"  # its record has none to compare with


@dataclass(frozen=True)
class Peer:
    """A remote AE as one record: its title, the address or network it must come from, and the
    certificate it must show. One with a certificate, or with `needs_tls`, comes by TLS alone.
    """

    ae_title: str
    address: str | None = None
    certificate: CertificateName | None = None
    needs_tls: bool = False

    def is_calling(self, ae_title: str, address: str) -> bool:
        return self.ae_title == ae_title and (
            self.address is None or _host(address) in ipaddress.ip_network(self.address, False)
        )

    def refusal_of(self, shown: Shown) -> Refusal | None:
        """Why who calls as this peer is not it."""
        if not shown.encrypted:
            has_to = self.needs_tls or self.certificate is not None
            return Refusal.NEEDS_TLS if has_to else None
        if self.certificate is None:
            return None
        is_it = shown.certificate is not None and self.certificate.matches(shown.certificate)
        return None if is_it else Refusal.WRONG_CERTIFICATE


@dataclass(frozen=True)
class AssociationPolicy:
    """What the acceptor requires and grants; without allowed peers any calling AE may come.

    `own_hosts` are names or addresses of other parts of the node, which call by our own AE title.
    `named_certificates_only`: by TLS come only those whose record names a certificate, and by plain
    TCP those whose record does not ask for TLS.
    """

    ae_title: str
    allowed_peers: tuple[Peer, ...] = ()
    own_hosts: tuple[str, ...] = ()
    named_certificates_only: bool = False
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

    def admits(self, calling_ae_title: str, address: str, shown: Shown = BY_PLAIN_TCP) -> bool:
        return self.refusal_of(calling_ae_title, address, shown) is None

    def refusal_of(self, calling_ae_title: str, address: str, shown: Shown) -> Refusal | None:
        """Why this caller is not admitted; None where it is."""
        if not self.allowed_peers:
            return None
        records = [one for one in self.allowed_peers if one.is_calling(calling_ae_title, address)]
        if not records:
            is_own = self._is_part_of_the_node(calling_ae_title, address)
            return None if is_own else Refusal.UNKNOWN
        refusals = [self._refusal_by(record, shown) for record in records]
        return None if None in refusals else refusals[0]

    def _refusal_by(self, record: Peer, shown: Shown) -> Refusal | None:
        is_named = record.certificate is not None or record.ae_title == self.ae_title
        if self.named_certificates_only and shown.encrypted and not is_named:
            return Refusal.NO_CERTIFICATE_NAMED
        return record.refusal_of(shown)

    def _is_part_of_the_node(self, calling_ae_title: str, address: str) -> bool:
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
