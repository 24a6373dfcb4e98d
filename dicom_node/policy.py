"""Who may associate with the node, and within which limits."""

import ipaddress
import math
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from dicom_node.certificate_name import CertificateName
from dicom_node.own_hosts import OwnHosts, parse_address

_SHARE_OF_ONE_ADDRESS = 0.8
_REQUEST_PDU_BYTES = 1 << 18


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
        if self.ae_title != ae_title or self.address is None:
            return self.ae_title == ae_title
        return parse_address(address) in ipaddress.ip_network(self.address, False)

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
    max_associations_per_address: int | None = None  # None: four fifths of them
    max_pdu_bytes: int = 131072
    object_max_bytes: int = 2 << 30
    request_timeout_seconds: float = 5  # TLS handshake and association request together
    dimse_timeout_seconds: float = 30
    network_timeout_seconds: float = 60
    pdu_pause_seconds: float = 3  # the longest silence within one PDU
    pdu_timeout_seconds: float = 8  # the longest that one PDU may take

    def __post_init__(self) -> None:
        for peer in self.allowed_peers:
            if peer.address is not None:
                ipaddress.ip_network(peer.address, False)

    @property
    def places_per_address(self) -> int:
        """How many of the associations one address may have: never all, unless told so."""
        share = math.ceil(self.max_associations * _SHARE_OF_ONE_ADDRESS)
        return share if (given := self.max_associations_per_address) is None else given

    @property
    def pdu_limit_bytes(self) -> int:
        """The longest PDU that is read: some peers exceed what we announce by their headers."""
        return max(2 * self.max_pdu_bytes, _REQUEST_PDU_BYTES)

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
        return calling_ae_title == self.ae_title and self._own_hosts.include(address)

    def is_known_to_be_own(self, calling_ae_title: str, address: str) -> bool:
        """Whether a part of the node calls, as far as can be said at once."""
        return calling_ae_title == self.ae_title and (
            parse_address(address).is_loopback
            or self._own_hosts.include(address, patience_seconds=0)
        )

    @cached_property
    def _own_hosts(self) -> OwnHosts:
        return OwnHosts(self.own_hosts)
