"""Storage Commitment's messages with data sets that nobody can decode."""

from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom.sop_class import StorageCommitmentPushModel as PushModel

from dicom_node.commitment.messages import PUSH_MODEL_INSTANCE
from tests.dicom_node.listening import send_command

N_EVENT_REPORT, N_ACTION = 0x0100, 0x0130
_SEQUENCE = b"\x08\x00\x99\x11SQ\x00\x00\xff\xff\xff\xff"  # (0008,1199) of undefined length
_ITEM = b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
HOSTILE = {
    "no data set": b"no data set",
    "a sequence that is cut off": _SEQUENCE + _ITEM,
    "sequences without end": (_SEQUENCE + _ITEM) * 2000,
}


def send_hostile(association: Any, command_field: int, data: bytes) -> int:
    """The status of the answer; the association has a context of Explicit VR Little Endian."""
    command = Dataset()
    command.CommandField = command_field
    command.MessageID = 7
    command.CommandDataSetType = 0x0001
    if command_field == N_ACTION:
        command.RequestedSOPClassUID = PushModel
        command.RequestedSOPInstanceUID = PUSH_MODEL_INSTANCE
        command.ActionTypeID = 1
    else:
        command.AffectedSOPClassUID = PushModel
        command.AffectedSOPInstanceUID = PUSH_MODEL_INSTANCE
        command.EventTypeID = 1
    wanted = (PushModel, [ExplicitVRLittleEndian])
    [context_id] = [
        context.context_id
        for context in association.accepted_contexts
        if (context.abstract_syntax, context.transfer_syntax) == wanted
    ]
    return send_command(association, context_id, command, data)
