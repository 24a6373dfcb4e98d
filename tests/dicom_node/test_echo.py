"""C-ECHO: each way it can fail is one sentence that says what to do."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from pynetdicom import AE, evt
from pynetdicom.sop_class import CTImageStorage, Verification

from dicom_node.echo import verify_peer
from dicom_node.peer import Destination, PeerRefused, PeerUnavailable
from tests.servers import free_port


def serving(sop_class: str = Verification, handle_echo: Any = None, **settings: Any) -> Any:
    ae = AE("PACS")
    ae.add_supported_context(sop_class)
    for name, value in settings.items():
        setattr(ae, name, value)
    handlers = [(evt.EVT_C_ECHO, handle_echo)] if handle_echo else []
    return ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)


def to(server: Any, ae_title: str = "PACS") -> Destination:
    return Destination(ae_title, "127.0.0.1", server.server_address[1], 1, 1, 1)


@pytest.fixture
def servers() -> Iterator[list[Any]]:
    started: list[Any] = []
    yield started
    for server in started:
        server.shutdown()


def start(servers: list[Any], *arguments: Any, **settings: Any) -> Any:
    servers.append(serving(*arguments, **settings))
    return servers[-1]


def test_a_peer_that_answers(servers: list[Any]) -> None:
    verify_peer(to(start(servers)), calling_ae_title="OSTEON")


def test_an_unknown_calling_ae_title(servers: list[Any]) -> None:
    peer = to(start(servers, require_calling_aet=["SOMEBODY"]))
    with pytest.raises(PeerRefused, match="does not know our AE title OSTEON: add it there"):
        verify_peer(peer, calling_ae_title="OSTEON")


def test_a_wrong_called_ae_title(servers: list[Any]) -> None:
    peer = to(start(servers, require_called_aet=True), "OTHER")
    with pytest.raises(PeerRefused, match="is not called OTHER: correct the AE title"):
        verify_peer(peer, calling_ae_title="OSTEON")


def test_a_peer_without_room(servers: list[Any]) -> None:
    peer = to(start(servers, maximum_associations=1))
    first = AE()
    first.add_requested_context(Verification)
    held = first.associate(peer.host, peer.port)
    with pytest.raises(PeerUnavailable, match="no association left"):
        verify_peer(peer, calling_ae_title="OSTEON")
    held.release()


def test_no_context_accepted(servers: list[Any]) -> None:
    with pytest.raises(PeerRefused, match="accepts none of the SOP classes"):
        verify_peer(to(start(servers, CTImageStorage)), calling_ae_title="OSTEON")


def test_an_abort_instead_of_an_answer(servers: list[Any]) -> None:
    def abort(event: Any) -> int:
        event.assoc.abort()
        return 0

    with pytest.raises(PeerUnavailable, match="does not answer C-ECHO"):
        verify_peer(to(start(servers, handle_echo=abort)), calling_ae_title="OSTEON")


def test_a_status_other_than_success(servers: list[Any]) -> None:
    peer = to(start(servers, handle_echo=lambda _event: 0x0122))
    with pytest.raises(PeerRefused, match="0x0122"):
        verify_peer(peer, calling_ae_title="OSTEON")


def test_nobody_listens() -> None:
    nowhere = Destination("PACS", "127.0.0.1", free_port())
    with pytest.raises(PeerUnavailable, match="connection refused; is the peer running"):
        verify_peer(nowhere, calling_ae_title="OSTEON")


def test_a_port_that_says_nothing() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        peer = Destination("PACS", "127.0.0.1", silent.getsockname()[1], 0.5, 0.5, 0.5)
        with pytest.raises(PeerUnavailable, match="gave no DICOM answer"):
            verify_peer(peer, calling_ae_title="OSTEON")


def test_a_host_without_a_name() -> None:
    peer = Destination("PACS", "no-such-host.invalid", 104)
    with pytest.raises(PeerUnavailable, match="host name cannot be resolved"):
        verify_peer(peer, calling_ae_title="OSTEON")
