"""pynetdicom's acceptor without its polling: sockets, upper layer and server of the listener.

It overrides private parts of pynetdicom, which is why that is pinned and why tests hold the parts
to what is assumed of them here.
"""

import select
import socket
import socketserver
import ssl
import struct
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from queue import Queue
from typing import Any

import structlog
from pynetdicom.association import Association
from pynetdicom.dul import DULServiceProvider
from pynetdicom.presentation import PresentationContext
from pynetdicom.transport import AssociationSocket, RequestHandler, ThreadedAssociationServer

from dicom_node.policy import AssociationPolicy
from dicom_node.query_retrieve.retrieve_exchange import RetrievableAssociation
from dicom_node.spool import Spool
from dicom_node.tls_door import HandshakeRefused, TlsDoor
from dicom_node.transfer import ReceivingDimse

log = structlog.get_logger(__name__)

_PDU_HEADER = struct.Struct(">BBL")
_PDV_HEADER = struct.Struct(">LB")
_P_DATA_TF = 0x04
_DATA_TRANSFER = "Sta6"  # PS3.8 9.2: association established and ready for data transfer
_PDU_MAX_BYTES = 1 << 20
_WAIT_MILLISECONDS = 250


class PromptSocket(AssociationSocket):  # type: ignore[misc]
    """Sleeps until the peer sends or our side has something to do, and reads whole PDUs at once."""

    def __init__(
        self, association: Association, client: socket.socket, policy: AssociationPolicy
    ) -> None:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.settimeout(policy.pdu_pause_seconds)
        self._pdu_timeout_seconds = policy.pdu_timeout_seconds
        self._bell, self._bell_rope = socket.socketpair()
        self._bell.setblocking(False)
        self._bell_rope.setblocking(False)
        self._header: bytes | None = None
        self._pdu = bytearray()
        super().__init__(association, client_socket=client)

    def wake(self) -> None:
        """End the wait in `ready`, from any thread."""
        with suppress(OSError):  # already rung often, or hung up
            self._bell_rope.send(b"!")

    def hang_up(self) -> None:
        """The association is over: free what is not the client's socket."""
        self._bell.close()
        self._bell_rope.close()

    @property
    def ready(self) -> bool:
        """Whether the peer has sent something; waits for it a little where nothing else is due."""
        if isinstance(self.socket, ssl.SSLSocket) and self.socket.pending():
            return True  # decrypted already, so that there is nothing to poll for
        poller = select.poll()
        try:
            poller.register(self._bell, select.POLLIN)
            if self.socket is not None:
                poller.register(self.socket, select.POLLIN)
            signalled = {descriptor for descriptor, _ in poller.poll(self._patience())}
            self._silence_bell()
            return self.socket is not None and self.socket.fileno() in signalled
        except (OSError, ValueError):
            self.event_queue.put("Evt17")
            return False

    def _patience(self) -> int:
        return _WAIT_MILLISECONDS if self.event_queue.empty() else 0

    def _silence_bell(self) -> None:
        with suppress(BlockingIOError):
            while self._bell.recv(64):
                pass

    def next_is_data(self) -> bool:
        """Whether the PDU that follows carries data; its header stays to be received."""
        self._header = bytes(self.receive(_PDU_HEADER.size))
        return self._header[:1] == bytes([_P_DATA_TF])

    def recv(self, nr_bytes: int) -> bytearray:
        """What pynetdicom reads by: as `receive`, but a copy to keep."""
        if self._header is not None:
            header, self._header = self._header, None
            return bytearray(header)
        return bytearray(self.receive(nr_bytes))

    def receive(self, nr_bytes: int) -> memoryview:
        """`nr_bytes` from the peer, fewer where it closed; valid until the next call.

        OSError where the peer sends too much or too slowly.
        """
        if nr_bytes > _PDU_MAX_BYTES:
            raise OSError("a PDU is too long")
        if nr_bytes > len(self._pdu):
            self._pdu = bytearray(nr_bytes)
        view, received = memoryview(self._pdu)[:nr_bytes], 0
        deadline = time.monotonic() + self._pdu_timeout_seconds
        while received < nr_bytes and (count := self.socket.recv_into(view[received:])):
            received += count
            if time.monotonic() > deadline:
                raise TimeoutError("a PDU takes too long")
        return view[:received]


class _UserQueue(Queue[Any]):
    """What the upper layer tells the association, which waits at its message queue."""

    def __init__(self, messages: Queue[Any]) -> None:
        super().__init__()
        self._messages = messages

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        super().put(item, block, timeout)
        self._messages.put((None, None))


class PromptDul(DULServiceProvider):  # type: ignore[misc]
    """The upper layer: woken rather than polling, and data straight on to the DIMSE provider."""

    def __init__(self, association: Association) -> None:
        super().__init__(association)
        self._run_loop_delay = 0  # it sleeps in PromptSocket.ready
        self.to_user_queue = _UserQueue(association.dimse.msg_queue)

    def send_pdu(self, primitive: Any) -> None:
        super().send_pdu(primitive)
        self.socket.wake()

    def kill_dul(self) -> None:
        super().kill_dul()
        self.socket.wake()

    def stop_dul(self) -> bool:
        if self.state_machine.current_state != "Sta1":
            self.socket.wake()
            return False
        self.kill_dul()
        self.join()
        return True

    def _read_pdu_data(self) -> None:
        try:
            carries_data = self.socket.next_is_data()
            if carries_data and self.state_machine.current_state == _DATA_TRANSFER:
                self._receive_data()
            else:
                super()._read_pdu_data()
        except OSError:
            self.event_queue.put("Evt17")  # transport connection closed

    def _receive_data(self) -> None:
        _, _, length = _PDU_HEADER.unpack(self.socket.recv(_PDU_HEADER.size))
        body = self.socket.receive(length)
        if len(body) < length:
            self.event_queue.put("Evt17")
            return
        for context_id, value in _presentation_data_values(body):
            self.assoc.dimse.receive_value(context_id, value)


def _presentation_data_values(body: memoryview) -> Iterator[tuple[int, memoryview]]:
    """The (context ID, value) pairs of a P-DATA-TF PDU (PS3.8 9.3.5)."""
    offset = 0
    while offset < len(body):
        length, context_id = _PDV_HEADER.unpack_from(body, offset)
        start, offset = offset + _PDV_HEADER.size, offset + 4 + length
        if length < 2 or offset > len(body):
            raise ValueError("a presentation data value does not fit its PDU")
        yield context_id, body[start:offset]


class SharedContexts(list[PresentationContext]):
    """Contexts that every association reads and none changes: the copy made for each is dear."""

    def __deepcopy__(self, memo: dict[int, Any]) -> "SharedContexts":
        return self


class AssociationHandler(RequestHandler):  # type: ignore[misc]
    """Sets an association up on a connection, and clears up when it is over, however it ended."""

    server: "ListenerServer"
    request: socket.socket

    def setup(self) -> None:
        """In this connection's own thread: who does not shake hands keeps nobody waiting."""
        if self.server.tls is not None:
            self.request.settimeout(self.server.policy.handshake_timeout_seconds)
            self.request = self.server.tls.secure(self.request)

    def _create_association(self) -> Association:
        association = super()._create_association()
        association.__class__ = RetrievableAssociation  # pynetdicom lets nobody choose the class
        server = self.server
        policy = server.policy
        association.dimse = ReceivingDimse(association, server.spool, policy.object_max_bytes)
        association.dul = PromptDul(association)
        association.set_socket(PromptSocket(association, self.request, policy))
        # These set the timers of the upper layer, which is a new one.
        association.acse_timeout = policy.acse_timeout_seconds
        association.network_timeout = policy.network_timeout_seconds
        server.live_associations.add(association)
        self._association = association
        return association

    def handle(self) -> None:
        try:
            super().handle()
            self._association.join()
            if self._association.dul.is_alive():
                self._association.dul.join()
        finally:
            self._clear_up(self._association)

    def _clear_up(self, association: Association) -> None:
        self.server.shutdown_request(self.request)
        association.dimse.end_all_transfers()
        association.dul.socket.hang_up()
        self.server.forget(association)


class ListenerServer(ThreadedAssociationServer):  # type: ignore[misc]
    """Accepts connections, each in a thread of its own that lives as long as its association."""

    request_queue_size = 256
    daemon_threads = True

    def __init__(
        self,
        *args: Any,
        policy: AssociationPolicy,
        spool: Spool,
        on_end: Callable[[Association], None],
        tls: TlsDoor | None = None,
        **kwargs: Any,
    ) -> None:
        self.policy = policy
        self.tls = tls
        self.spool = spool
        self.live_associations: set[Association] = set()
        self._on_end = on_end
        super().__init__(*args, request_handler=AssociationHandler, **kwargs)

    def forget(self, association: Association) -> None:
        """The association is over and its thread about to end."""
        try:
            self._on_end(association)
        finally:
            self.live_associations.discard(association)

    def stop_accepting(self) -> None:
        """Close the port; what is associated stays so. (pynetdicom's shutdown wants more.)"""
        socketserver.BaseServer.shutdown(self)
        self.server_close()

    def wait_until_idle(self, timeout_seconds: float) -> bool:
        """Whether the last association has ended in time."""
        deadline = time.monotonic() + timeout_seconds
        while self.live_associations and time.monotonic() < deadline:
            time.sleep(0.05)
        return not self.live_associations

    def abort_associations(self) -> None:
        for association in list(self.live_associations):
            association.abort()

    def handle_error(self, _request: Any, client_address: Any) -> None:
        """Instead of printing a traceback, whose values would be the peer's."""
        error = sys.exception()
        if isinstance(error, HandshakeRefused):
            log.warning("handshake_refused", address=client_address[0], reason=error.reason)
            return
        log.error("connection_failed", error=type(error).__name__)
