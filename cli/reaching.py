"""Reaching the systems that the settings name: their addresses, and what each can be asked.

Apart from `cli.assembly`, which loads the whole node: the window needs no more than this.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from dicom_node.peer import Destination
from remote_systems import DestinationSettings, FhirSettings, Hl7Settings, PacsSettings, PeerAddress

if TYPE_CHECKING:
    from messages.fhir_exchange import FhirDestination
    from messages.mllp import MllpDestination
    from settings import Settings
    from web.plan import NamedPeer

# Who asks by a button waits before the page: no step takes longer.
_CONNECTING_SECONDS, _ANSWERING_SECONDS = 5, 10


def as_destination(peer: PeerAddress) -> Destination:
    if peer.host is None or peer.port is None:
        raise ValueError(f"{peer} needs a host and a port: AET@HOST:PORT")
    return Destination(peer.ae_title, peer.host, peer.port)


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
    destination: DestinationSettings, calling_ae_title: str, *, hurried: bool = False
) -> str:
    """What each kind can be asked without giving it a result; raises PeerTrouble."""
    from messages.reachability import verify_receiver, verify_server

    if isinstance(destination, PacsSettings):
        peer = as_destination(destination.peer)
        return ask_peer(_hurried(peer) if hurried else peer, calling_ae_title)
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
        ask = _asking(destination, settings.ae_title)
        yield NamedPeer(destination.name, destination.address, ask, is_destination=True)
    for peer in settings.peers:
        if peer.host and peer.port and "/" not in peer.host and str(peer) not in known:
            yield NamedPeer(str(peer), str(peer), _echoing(peer, settings.ae_title))


def _asking(destination: DestinationSettings, calling_ae_title: str) -> Callable[[], str]:
    return lambda: ask_destination(destination, calling_ae_title, hurried=True)


def _echoing(peer: PeerAddress, calling_ae_title: str) -> Callable[[], str]:
    return lambda: ask_peer(_hurried(as_destination(peer)), calling_ae_title)


def _hurried(peer: Destination) -> Destination:
    return replace(
        peer,
        connection_timeout_seconds=_CONNECTING_SECONDS,
        acse_timeout_seconds=_ANSWERING_SECONDS,
        dimse_timeout_seconds=_ANSWERING_SECONDS,
    )
