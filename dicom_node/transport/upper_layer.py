"""The upper layer of an association (PS3.8), woken rather than polling."""

import struct
import time
from collections.abc import Iterator
from queue import Queue
from typing import Any

from pynetdicom.association import Association
from pynetdicom.dul import DULServiceProvider
from pynetdicom.timer import Timer

from dicom_node.transport.prompt_socket import PDU_HEADER

_PDV_HEADER = struct.Struct(">LB")
_DATA_TRANSFER = "Sta6"  # PS3.8 9.2: association established and ready for data transfer


class MonotonicTimer(Timer):  # type: ignore[misc]
    """pynetdicom's reads the clock on the wall: set forward, it ended every association at once."""

    _start_time: float | None
    _end_time: float | None

    def start(self) -> None:
        self._start_time = time.monotonic()
        self._end_time = None

    def stop(self) -> None:
        self._end_time = time.monotonic()

    @property
    def remaining(self) -> float:
        """Seconds; 1 where the timer never expires."""
        if self.timeout is None:
            return 1
        if self._start_time is None:
            return float(self.timeout)
        until = time.monotonic() if self._end_time is None else self._end_time
        return float(self.timeout - (until - self._start_time))


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
        self._idle_timer = MonotonicTimer(association.network_timeout)
        self.artim_timer = MonotonicTimer(association.acse_timeout)
        self.to_user_queue = _UserQueue(association.dimse.msg_queue)

    def run_reactor(self) -> None:
        """As pynetdicom's, but whatever it ends by, the association learns of it at once."""
        try:
            super().run_reactor()
        except Exception as error:  # noqa: BLE001 - what a peer's PDU may set off in pynetdicom
            refusals = self.assoc._server.door.refusals
            refusals.warning("upper_layer_failed", kind=type(error).__name__)
        finally:
            if self.assoc.requestor.primitive is None:
                self.to_user_queue.put(None)  # it still waits to be asked for the association
            self.assoc.dimse.msg_queue.put((None, None))

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

    def _is_transport_event(self) -> bool:
        """Leave with the peer what it sends before its last messages are dealt with.

        One operation at a time is negotiated (PS3.7 D.3.3.3): who sends many has them wait there.
        """
        if self.assoc.dimse.is_behind:
            self.socket.rest()
            return False
        return bool(super()._is_transport_event())

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
        _, _, length = PDU_HEADER.unpack(self.socket.recv(PDU_HEADER.size))
        body = self.socket.receive(length)
        if len(body) < length:
            self.event_queue.put("Evt17")
            return
        for context_id, value in _presentation_data_values(body):
            self.assoc.dimse.receive_value(context_id, value)


def _presentation_data_values(body: memoryview) -> Iterator[tuple[int, memoryview]]:
    """The (context ID, value) pairs of a P-DATA-TF PDU (PS3.8 9.3.5)."""
    offset = 0
    if not body:
        raise ValueError("P-DATA without a presentation data value")
    while offset < len(body):
        length, context_id = _PDV_HEADER.unpack_from(body, offset)
        start, offset = offset + _PDV_HEADER.size, offset + 4 + length
        if length < 2 or offset > len(body):
            raise ValueError("a presentation data value does not fit its PDU")
        yield context_id, body[start:offset]
