"""Associating with a peer, and saying in plain words why it did not come about."""

import socket
import ssl
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from pynetdicom import AE, build_context, build_role
from pynetdicom.association import Association
from pynetdicom.pdu_primitives import A_ASSOCIATE
from pynetdicom.presentation import PresentationContext

from dicom_node.tls import TlsUnusable
from dicom_node.tls_client import PeerTls
from dicom_node.transport.requested_association import RequestingEntity
from dicom_node.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME


class PeerTrouble(Exception):
    """One sentence on what is wrong and what to do, with the peer's status where it gave one."""

    def __init__(self, sentence: str, status: int | None = None) -> None:
        super().__init__(sentence)
        self.status = status


class PeerUnavailable(PeerTrouble):
    """The peer cannot take it now: try again later."""


class NotTakenNow(PeerUnavailable):
    """The peer is there and cannot take this very object now; others it may take."""


class TlsTrouble(PeerUnavailable):
    """No handshake with the peer: once a certificate is right, on either side, it heals."""


class PeerRefused(PeerTrouble):
    """The peer will not take it, however often it is asked: a person looks."""


class NothingAccepted(PeerRefused):
    """The peer takes the association, and none of the SOP classes offered."""


@dataclass(frozen=True)
class Destination:
    """A remote AE to which we associate, with how long each step with it may take.

    Without `tls` it is spoken to by plain TCP; neither is ever tried in place of the other.
    """

    ae_title: str
    host: str
    port: int
    connection_timeout_seconds: float = 10
    acse_timeout_seconds: float = 30
    dimse_timeout_seconds: float = 60
    tls: PeerTls | None = None

    def __str__(self) -> str:
        return f"{self.ae_title}@{self.host}:{self.port}"


_ANY_ADDRESS = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 # nosec B104


def own_address(bind_address: str) -> str:
    """Where what is bound there is reached from the machine itself."""
    return _ANY_ADDRESS.get(bind_address, bind_address)


# PS3.8 9.3.4: (source, reason) of an A-ASSOCIATE-RJ.
_REJECTIONS = {
    (1, 1): "gave no reason: look into its log",
    (1, 2): "does not support the DICOM application context: it is hardly a PACS",
    (1, 3): "does not know our AE title {calling}: add it there as a remote node",
    (1, 7): "is not called {called}: correct the AE title of this destination",
    (2, 1): "gave no reason: look into its log",
    (2, 2): "speaks another version of the DICOM protocol",
    (3, 1): "is busy: it will be tried again",
    (3, 2): "has no association left: it will be tried again, or raise its limit",
}
_TRANSIENT = 2
_REJECTED = (1, _TRANSIENT)  # PS3.8 9.3.4: the result


def associate(
    destination: Destination,
    calling_ae_title: str,
    proposals: Sequence[tuple[str, str]],
    *,
    served_sop_classes: Collection[str] = (),
    handlers: Sequence[tuple[Any, ...]] = (),
) -> Association:
    """An established association proposing each (SOP class, transfer syntax) on its own.

    Of `served_sop_classes` we are the SCP though we ask for the association, as with the objects of
    a C-GET; `handlers` are pynetdicom's.
    Raises PeerUnavailable or PeerRefused with one sentence that says what to do.
    """
    try:
        association = _requesting(destination, calling_ae_title).associate(
            destination.host,
            destination.port,
            contexts=_contexts(proposals),
            ae_title=destination.ae_title,
            max_pdu=131072,
            # PS3.7 D.3.3.4: the requestor is the SCP of these.
            ext_neg=[build_role(sop_class, scp_role=True) for sop_class in served_sop_classes],
            tls_args=_tls(destination),
            evt_handlers=list(handlers),
        )
    except socket.gaierror as error:
        raise PeerUnavailable(f"{destination}: {connection_trouble(error)}") from error
    if association.is_established:
        return association
    raise _reason(association, destination, calling_ae_title)


def _requesting(destination: Destination, calling_ae_title: str) -> AE:
    ae = RequestingEntity(ae_title=calling_ae_title)
    ae.implementation_class_uid = IMPLEMENTATION_CLASS_UID
    ae.implementation_version_name = IMPLEMENTATION_VERSION_NAME
    ae.connection_timeout = destination.connection_timeout_seconds
    ae.acse_timeout = destination.acse_timeout_seconds
    ae.dimse_timeout = destination.dimse_timeout_seconds
    ae.network_timeout = destination.dimse_timeout_seconds
    return ae


def _tls(destination: Destination) -> tuple[ssl.SSLContext, str] | None:
    if destination.tls is None:
        return None
    try:
        return destination.tls.context(), destination.host
    except TlsUnusable as error:
        raise TlsTrouble(f"{destination}: our own TLS files: {error}") from error


def _contexts(proposals: Sequence[tuple[str, str]]) -> list[PresentationContext]:
    return [build_context(sop_class, transfer_syntax) for sop_class, transfer_syntax in proposals]


def _reason(
    association: Association, destination: Destination, calling_ae_title: str
) -> PeerUnavailable | PeerRefused:
    answer = _answer(association)
    if answer is not None and answer.result in _REJECTED:
        return _rejection(answer, destination, calling_ae_title)
    if answer is None and destination.tls is not None:
        trouble = _tls_trouble(destination, destination.tls)
        if trouble is not None:
            return trouble
    if not association.dul.socket.has_connected:
        return PeerUnavailable(f"{destination}: {_asked_once_more(destination)}")
    if answer is not None:
        return NothingAccepted(
            f"{destination} accepts none of the SOP classes offered; enable them there for us"
        )
    return PeerUnavailable(
        f"{destination} took the connection and gave no DICOM answer; "
        f"is it a DICOM port, {'with' if destination.tls else 'without'} TLS?"
    )


def _answer(association: Association) -> A_ASSOCIATE | None:
    """What the peer answered, though it hung up so soon that pynetdicom no longer looked.

    pynetdicom takes a connection that is closed again for one that did not come about, and leaves
    the A-ASSOCIATE-RJ in its queue.
    """
    answer = association.acceptor.primitive or association.dul.receive_pdu()
    return answer if isinstance(answer, A_ASSOCIATE) else None


def _rejection(
    answer: Any, destination: Destination, calling_ae_title: str
) -> PeerUnavailable | PeerRefused:
    words = _REJECTIONS.get((answer.result_source, answer.diagnostic), "rejected us")
    words = words.format(calling=calling_ae_title, called=destination.ae_title)
    kind = PeerUnavailable if answer.result == _TRANSIENT else PeerRefused
    return kind(f"{destination} {words}")


def _tls_trouble(destination: Destination, tls: PeerTls) -> PeerUnavailable | None:
    """pynetdicom keeps to itself why there was no handshake, too."""
    address = (destination.host, destination.port)
    try:
        said = tls.trouble(address, destination.connection_timeout_seconds)
    except OSError as error:
        return PeerUnavailable(f"{destination}: {connection_trouble(error)}")
    return None if said is None else TlsTrouble(f"{destination}: {said}")


def _asked_once_more(destination: Destination) -> str:
    """pynetdicom keeps the cause of a failed connection to itself: ask once more."""
    address = (destination.host, destination.port)
    try:
        socket.create_connection(address, destination.connection_timeout_seconds).close()
    except OSError as error:
        return connection_trouble(error)
    return "the connection failed just now, and works again"


def connection_trouble(error: OSError) -> str:
    """Why a connection did not come about, and what to do."""
    if isinstance(error, socket.gaierror):
        return "the host name cannot be resolved; correct it, or mend the name service"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused; is the peer running, and is the port right?"
    if isinstance(error, TimeoutError):
        return "no answer; is the address right, and does a firewall stand between?"
    return f"{error.strerror or 'the network refuses'}; check address and network"
