"""The connection of whoever called: how much it may send, how slowly it may send and read."""

import socket
import struct
import time

from pynetdicom import evt
from pynetdicom.association import Association

from dicom_node.policy import AssociationPolicy
from dicom_node.transport.prompt_socket import PromptSocket

PDU_HEADER = struct.Struct(">BBL")
P_DATA_TF = 0x04
_PIECE_BYTES = 1 << 17  # of what is sent: each may take as long as a PDU


class BoundedSocket(PromptSocket):
    """Reads whole PDUs at once, within the policy's limits.

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
        self._early = bytearray(early)
        self._header: bytes | None = None
        self._pdu = bytearray()
        super().__init__(association, client_socket=client)

    def _has_read_ahead(self) -> bool:
        return bool(self._early) or super()._has_read_ahead()

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
