"""The upper layer of an association that we accept: data goes straight on to the DIMSE provider."""

import struct
from collections.abc import Iterator

from pynetdicom.association import Association

from dicom_node.transport.bounded_socket import PDU_HEADER
from dicom_node.transport.prompt_layer import PromptDul

_PDV_HEADER = struct.Struct(">LB")
_DATA_TRANSFER = "Sta6"  # PS3.8 9.2: association established and ready for data transfer


class AcceptingDul(PromptDul):
    """On a BoundedSocket, for a ReceivingDimse, at whose message queue the association waits."""

    def __init__(self, association: Association) -> None:
        super().__init__(association, self._tell)

    def _tell(self) -> None:
        self.assoc.dimse.msg_queue.put((None, None))

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
            self._tell()

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
