"""A C-STORE sent only in part: what a modality leaves behind that is switched off, or slow."""

from io import BytesIO
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import AE
from pynetdicom.dimse_messages import C_STORE_RQ
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dsutils import encode

from dicom_node.peer import Destination

_SMALL_PDU_BYTES = 4096


class OpenTransfer:
    """An association that has sent all of one object but its last piece."""

    def __init__(self, destination: Destination, dataset: Dataset) -> None:
        ae = AE("HALFWAY")
        ae.add_requested_context(dataset.SOPClassUID, dataset.file_meta.TransferSyntaxUID)
        self._association = ae.associate(
            destination.host, destination.port, ae_title=destination.ae_title
        )
        assert self._association.is_established
        *pieces, self._last = self._pieces(dataset)
        assert len(pieces) > 2
        for piece in pieces:
            self._association.dul.send_pdu(piece)

    def finish(self) -> int:
        """Send the last piece; the status answered."""
        self._association._reactor_checkpoint.clear()
        self._association.dul.send_pdu(self._last)
        _, answer = self._association.dimse.get_msg(block=True)
        self._association._reactor_checkpoint.set()
        self._association.release()
        return int(answer.Status)

    def abort(self) -> None:
        self._association.abort()

    def cut(self) -> None:
        """Close the connection without a word."""
        self._association.dul.socket.close()

    def _pieces(self, dataset: Dataset) -> list[Any]:
        syntax = dataset.file_meta.TransferSyntaxUID
        request = C_STORE()
        request.MessageID = 1
        request.Priority = 2
        request.AffectedSOPClassUID = dataset.SOPClassUID
        request.AffectedSOPInstanceUID = dataset.SOPInstanceUID
        encoded = encode(dataset, syntax.is_implicit_VR, syntax.is_little_endian)
        request.DataSet = BytesIO(encoded or b"")
        message = C_STORE_RQ()
        message.primitive_to_message(request)
        (context,) = self._association.accepted_contexts
        return list(message.encode_msg(context.context_id, _SMALL_PDU_BYTES))
