"""The connection of an association: it sleeps until there is something to do, never for good."""

import select
import socket
import ssl
import struct
import time
from contextlib import suppress

from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.transport import AssociationSocket

from dicom_node.policy import AssociationPolicy

PDU_HEADER = struct.Struct(">BBL")
P_DATA_TF = 0x04
# What ends an association rings the bell: the wait only has to see timers run out.
_WAIT_MILLISECONDS = 1000
_PIECE_BYTES = 1 << 17  # of what is sent: each may take as long as a PDU


class PromptSocket(AssociationSocket):  # type: ignore[misc]
    """Sleeps until the peer sends or our side has something to do, and reads whole PDUs at once.

    `early` is what has been read of the connection already.
    """

    def __init__(
        self,
        association: Association,
        client: socket.socket,
        policy: AssociationPolicy,
        early: bytes = b"",
    ) -> None:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.settimeout(policy.pdu_pause_seconds)
        self._policy = policy
        self._bell, self._bell_rope = socket.socketpair()
        self._bell.setblocking(False)
        self._bell_rope.setblocking(False)
        self._early = bytearray(early)
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
        if self.socket is not None and (self._early or self._has_decrypted()):
            return True
        try:
            signalled = self._signalled(self.socket)
            return self.socket is not None and self.socket.fileno() in signalled
        except (OSError, ValueError):
            self.event_queue.put("Evt17")
            return False

    def rest(self) -> None:
        """Wait as `ready` does, but whatever the peer sends."""
        with suppress(OSError, ValueError):
            self._signalled(None)

    def _signalled(self, client: socket.socket | None) -> set[int]:
        poller = select.poll()
        for awaited in filter(None, (self._bell, client)):
            poller.register(awaited, select.POLLIN)
        signalled = {descriptor for descriptor, _ in poller.poll(self._patience())}
        self._silence_bell()
        return signalled

    def _patience(self) -> int:
        return _WAIT_MILLISECONDS if self.event_queue.empty() else 0

    def _silence_bell(self) -> None:
        with suppress(BlockingIOError):
            while self._bell.recv(64):
                pass

    def _has_decrypted(self) -> bool:
        return isinstance(self.socket, ssl.SSLSocket) and self.socket.pending() > 0

    def next_is_data(self) -> bool:
        """Whether the PDU that follows carries data; its header stays to be received."""
        self._header = bytes(self.receive(PDU_HEADER.size))
        return self._header[:1] == bytes([P_DATA_TF])

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
        if nr_bytes > self._policy.pdu_limit_bytes:
            raise OSError("a PDU is too long")
        if nr_bytes > len(self._pdu):
            self._pdu = bytearray(nr_bytes)
        view = memoryview(self._pdu)[:nr_bytes]
        received = self._take_early(view)
        deadline = time.monotonic() + self._policy.pdu_timeout_seconds
        while received < nr_bytes and (count := self.socket.recv_into(view[received:])):
            received += count
            if time.monotonic() > deadline:
                raise TimeoutError("a PDU takes too long")
        return view[:received]

    def _take_early(self, view: memoryview) -> int:
        if not self._early:
            return 0
        taken = self._early[: len(view)]
        del self._early[: len(view)]
        view[: len(taken)] = taken
        return len(taken)

    def send(self, bytestream: bytes) -> None:
        """As pynetdicom's, but a peer that takes it byte by byte is no longer waited for."""
        try:
            for start in range(0, len(bytestream), _PIECE_BYTES):
                self._send_piece(memoryview(bytestream)[start : start + _PIECE_BYTES])
            evt.trigger(self.assoc, evt.EVT_DATA_SENT, {"data": bytestream})
        except OSError:
            self.event_queue.put("Evt17")  # transport connection closed

    def _send_piece(self, piece: memoryview) -> None:
        deadline = time.monotonic() + self._policy.pdu_timeout_seconds
        while piece:
            if self.socket is None:
                raise OSError("the connection is closed")
            piece = piece[self.socket.send(piece) :]
            if piece and time.monotonic() > deadline:
                raise TimeoutError("the peer takes a PDU too slowly")
