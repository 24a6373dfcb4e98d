"""How long the listener waits, for whatever it waits for."""

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from pynetdicom import AE
from pynetdicom.association import Association

from dicom_node.policy import AssociationPolicy
from dicom_node.transport.bounded_socket import BoundedSocket
from tests.dicom_node.attacks.floods import associate
from tests.dicom_node.attacks.wire import P_DATA, Target, echo_request, read_pdu
from tests.dicom_node.listening import AE_TITLE, Node, eventually, running_node

pytestmark = pytest.mark.requirement("R-DOOR-1")


@pytest.fixture(scope="module")
def impatient_node(
    new_ledger: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Node]:
    policy = AssociationPolicy(
        AE_TITLE, request_timeout_seconds=0.6, pdu_pause_seconds=0.3, pdu_timeout_seconds=0.6
    )
    with running_node(new_ledger("sqlite"), tmp_path_factory.mktemp("spool"), policy) as node:
        yield node


@pytest.mark.parametrize(
    "opening",
    [
        struct.pack(">BBL", 1, 0, 0xFFFFFFFF),  # an A-ASSOCIATE-RQ of 4 GiB
        struct.pack(">BBL", 1, 0, 200) + bytes(200),
        b"GET / HTTP/1.1\r\nHost: pacs\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",  # a TLS greeting
    ],
)
def test_what_is_no_dicom_is_hung_up_on(impatient_node: Node, opening: bytes) -> None:
    address = ("127.0.0.1", impatient_node.port)
    with socket.create_connection(address, timeout=5) as client:
        client.sendall(opening)
        while client.recv(4096):
            pass
    assert eventually(lambda: impatient_node.live_associations == 0)


def test_half_a_pdu_is_not_waited_for_and_takes_no_place(impatient_node: Node) -> None:
    listener = impatient_node.listener
    address = ("127.0.0.1", impatient_node.port)
    with socket.create_connection(address) as silent, socket.create_connection(address) as drip:
        silent.sendall(b"\x01\x00\x00")
        drip.sendall(struct.pack(">BBL", 1, 0, 1000))
        stop = threading.Event()
        dripping = threading.Thread(target=_drip, args=(drip, stop))
        dripping.start()
        assert eventually(lambda: listener.waiting_count == 2)
        assert impatient_node.live_associations == 0
        assert eventually(lambda: listener.waiting_count == 0)
        stop.set()
        dripping.join()


@pytest.mark.parametrize("dripping", [False, True], ids=["silent", "dripping"])
def test_half_a_pdu_ends_an_association(impatient_node: Node, dripping: bool) -> None:
    stop = threading.Event()
    target = Target("127.0.0.1", impatient_node.port)
    with associate(target) as client:
        head = struct.pack(">BBL", 4, 0, 1000)
        assert eventually(lambda: impatient_node.live_associations == 1)
        client.sendall(head)
        thread = threading.Thread(target=_drip, args=(client, stop))
        if dripping:
            thread.start()
        assert eventually(lambda: impatient_node.live_associations == 0, seconds=10)
        stop.set()
        if dripping:
            thread.join()


def test_a_step_of_the_clock_ends_no_association(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    with associate(Target("127.0.0.1", node.port)) as client:
        monkeypatch.setattr(time, "time", lambda: now + 86400)
        time.sleep(1.5)  # the association looks at its timers once a second
        client.sendall(echo_request())
        assert read_pdu(client)[0] == P_DATA


@pytest.mark.parametrize("reading", [False, True], ids=["deaf", "byte by byte"])
def test_who_takes_a_pdu_too_slowly_is_not_waited_for(reading: bool) -> None:
    policy = AssociationPolicy(AE_TITLE, pdu_pause_seconds=0.3, pdu_timeout_seconds=0.6)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        peer = socket.create_connection(listening.getsockname())
        ours, _ = listening.accept()
    association = Association(AE(), "acceptor")
    connection, stop = BoundedSocket(association, ours, policy), threading.Event()
    association.set_socket(connection)
    thread = threading.Thread(target=_sip, args=(peer, stop))
    if reading:
        thread.start()
    began = time.monotonic()
    connection.send(bytes(50_000_000))
    assert time.monotonic() - began < 10
    assert "Evt17" in association.dul.event_queue.queue  # PS3.8 9.2.2: the connection is closed
    stop.set()
    if reading:
        thread.join()
    connection.hang_up()
    ours.close()
    peer.close()


def _sip(client: socket.socket, stop: threading.Event) -> None:
    while not stop.wait(0.05):
        client.recv(1)


def _drip(client: socket.socket, stop: threading.Event) -> None:
    while not stop.wait(0.1):
        try:
            client.sendall(b"\0")
        except OSError:
            return
