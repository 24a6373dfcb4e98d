"""Reaching the systems that the settings name: their addresses, and what each can be asked.

Apart from `cli.assembly`, which loads the whole node: the window needs no more than this.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from cli.exits import Exit, Leave
from dicom_node.certificate_name import CertificateName
from dicom_node.peer import Destination, own_address
from dicom_node.tls import TlsFiles
from dicom_node.tls_client import PeerTls
from remote_systems import (
    DestinationSettings,
    DicomNodeSettings,
    FhirSettings,
    Hl7Settings,
    PacsSettings,
    PeerAddress,
    PeerSettings,
)

if TYPE_CHECKING:
    from messages.fhir_exchange import FhirDestination
    from messages.mllp import MllpDestination
    from settings import Settings
    from web.plan import NamedPeer

# Who asks by a button waits before the page: no step takes longer.
_CONNECTING_SECONDS, _ANSWERING_SECONDS = 5, 10


def as_destination(peer: PeerAddress, tls: PeerTls | None = None) -> Destination:
    if peer.host is None or peer.port is None:
        raise ValueError(f"{peer} needs a host and a port: AET@HOST:PORT")
    return Destination(peer.ae_title, peer.host, peer.port, tls=tls)


def as_set(settings: "Settings", node: DicomNodeSettings) -> Destination:
    """The node as its entry in the settings says that it is called."""
    if not node.speaks_tls:
        return as_destination(node.peer)
    name = CertificateName.parse(node.certificate) if node.certificate else None
    return as_destination(node.peer, PeerTls(tls_files(settings), name))


def as_named(settings: "Settings", peer: PeerAddress, *, by_tls: bool) -> Destination:
    """The node that a user named: as it is set, or by TLS in any case."""
    pacs = [one for one in settings.destinations if isinstance(one, PacsSettings)]
    for node in (*pacs, *settings.peers):
        if node.speaks_tls and node.peer == peer:
            return as_set(settings, node)
    return as_destination(peer, PeerTls(tls_files(settings)) if by_tls else None)


def tls_files(settings: "Settings") -> TlsFiles:
    certificate, key = settings.tls_certificate, settings.tls_key
    if certificate is None or key is None or settings.tls_authorities is None:
        raise Leave(Exit.USAGE, "TLS needs the settings tls_certificate, tls_key, tls_authorities")
    return TlsFiles(certificate, key, settings.tls_authorities, settings.tls_revocations)


def own_listeners(settings: "Settings") -> list[Destination]:
    """This node's listener, by each port it has: without TLS first, where it has such a port."""
    host = own_address(settings.bind_address)
    ways: list[tuple[int, PeerTls | None]] = []
    if not settings.tls_only:
        ways.append((settings.port, None))
    if settings.has_tls:
        ways.append((settings.tls_port, PeerTls(tls_files(settings), is_ourselves=True)))
    return [Destination(settings.ae_title, host, port, tls=tls) for port, tls in ways]


def hl7_address(destination: Hl7Settings) -> "MllpDestination":
    import ssl

    from messages.mllp import MllpDestination

    tls = ssl.create_default_context() if destination.is_encrypted else None
    return MllpDestination(destination.host, destination.port, tls=tls)


def fhir_address(destination: FhirSettings) -> "FhirDestination":
    """The server and our token there, which the doctor asks by too."""
    from messages.fhir_exchange import FhirDestination

    token = destination.token.get_secret_value() if destination.token else None
    return FhirDestination(
        destination.address, bearer_token=token, token_file=destination.token_file
    )


def ask_peer(peer: Destination, calling_ae_title: str) -> str:
    """What it says to C-ECHO; raises PeerTrouble, whose sentence says what to do."""
    from dicom_node.echo import verify_peer

    verify_peer(peer, calling_ae_title=calling_ae_title)
    return "answers C-ECHO"


def ask_destination(
    destination: DestinationSettings, settings: "Settings", *, hurried: bool = False
) -> str:
    """What each kind can be asked without giving it a result; raises PeerTrouble."""
    from messages.reachability import verify_receiver, verify_server

    if isinstance(destination, PacsSettings):
        peer = as_set(settings, destination)
        return ask_peer(_hurried(peer) if hurried else peer, settings.ae_title)
    if isinstance(destination, Hl7Settings):
        receiver = hl7_address(destination)
        if hurried:
            receiver = replace(receiver, connection_timeout_seconds=_CONNECTING_SECONDS)
        verify_receiver(receiver)
        return "takes a connection; no message is sent to try it"
    server = fhir_address(destination)
    if hurried:
        server = replace(
            server,
            connection_timeout_seconds=_CONNECTING_SECONDS,
            answer_timeout_seconds=_ANSWERING_SECONDS,
        )
    return f"answers, FHIR {verify_server(server)}"


def named_peers(settings: "Settings") -> "Iterator[NamedPeer]":
    """The destinations, and the peers that have an address at which they can be asked."""
    from web.plan import NamedPeer

    known = set()
    for destination in settings.destinations:
        known.add(destination.address)
        ask = _asking(destination, settings)
        yield NamedPeer(destination.name, destination.address, ask, is_destination=True)
    for peer in settings.peers:
        if peer.host and peer.port and "/" not in peer.host and str(peer) not in known:
            yield NamedPeer(str(peer), str(peer), _echoing(peer, settings))


def _asking(destination: DestinationSettings, settings: "Settings") -> Callable[[], str]:
    return lambda: ask_destination(destination, settings, hurried=True)


def _echoing(peer: PeerSettings, settings: "Settings") -> Callable[[], str]:
    return lambda: ask_peer(_hurried(as_set(settings, peer)), settings.ae_title)


def _hurried(peer: Destination) -> Destination:
    return replace(
        peer,
        connection_timeout_seconds=_CONNECTING_SECONDS,
        acse_timeout_seconds=_ANSWERING_SECONDS,
        dimse_timeout_seconds=_ANSWERING_SECONDS,
    )
