"""The way in: a C-STORE's data set goes piece by piece to the spool, never into memory."""

import queue
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from pydicom.uid import UID
from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dimse_messages import C_STORE_RQ
from pynetdicom.dsutils import create_file_meta, encode_file_meta
from pynetdicom.pdu_primitives import P_DATA

from dicom_node.header_reading import NotUnderstood, require_uid
from dicom_node.spool import IncomingObject, Spool, SpooledObject, SpoolError
from dicom_node.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME

# The file meta information is part of what is hashed: without a version, and without the sender's
# AE title, the same data set makes the same file whoever sends it and whichever version receives.
_PREAMBLE = bytes(128) + b"DICM"
_MESSAGE_MAX_BYTES = 1 << 20
_FRAGMENTS_AT_MOST = 4096  # of such a message
_LAST = 0b10  # of the message control header, PS3.8 E.2
_COMMAND_OR_LAST = 0b11
_WAIT_SECONDS = 1  # the upper layer ends the wait when the association is over
_MESSAGES_AT_ONCE = 8


class ObjectTooLarge(SpoolError):
    """The object is larger than this node takes."""


class Transfer:
    """One object on its way in.

    It takes all that the peer sends, because only then may the peer be answered, and says
    afterwards what went wrong. pynetdicom takes it for the temporary file of its chunked mode.
    """

    name = ""  # pynetdicom unlinks this path afterwards; the spool has seen to the file by then

    def __init__(self, spool: Spool, max_bytes: int) -> None:
        self.file = self
        self.size_bytes = 0
        self.data_set_offset = 0
        self.transfer_syntax_uid = UID("")
        self.started_at = time.monotonic()
        self._max_bytes = max_bytes
        self._incoming: IncomingObject | None = None
        self._failure: Exception | None = None
        with self._failure_noted():
            self._incoming = spool.begin()

    def write_file_head(self, command_set: Any, transfer_syntax_uid: UID) -> None:
        """What makes a file of a data set (PS3.10 7.1), from what the command says of it."""
        self.transfer_syntax_uid = transfer_syntax_uid
        with self._failure_noted():
            file_meta = create_file_meta(
                sop_class_uid=require_uid(command_set, "AffectedSOPClassUID"),
                sop_instance_uid=require_uid(command_set, "AffectedSOPInstanceUID"),
                transfer_syntax=transfer_syntax_uid,
                implementation_uid=UID(IMPLEMENTATION_CLASS_UID),
                implementation_version=IMPLEMENTATION_VERSION_NAME,
            )
            self.write(_PREAMBLE + encode_file_meta(file_meta))
        self.data_set_offset = self.size_bytes

    def write(self, data: bytes | memoryview) -> None:
        self.size_bytes += len(data)
        if self._failure is None and self._incoming is not None:
            with self._failure_noted():
                if self.size_bytes > self._max_bytes:
                    raise ObjectTooLarge(f"objects may have {self._max_bytes} bytes")
                self._incoming.write(data)

    def received(self) -> IncomingObject:
        """What has arrived; raises what went wrong on the way."""
        if self._failure is not None or self._incoming is None:
            raise self._failure or NotUnderstood("nothing was received")
        return self._incoming

    def keep(self) -> SpooledObject:
        return self.received().keep()

    def discard(self) -> None:
        """Leave no file behind, unless it was kept."""
        if self._incoming is not None:
            self._incoming.discard()

    close = discard

    def flush(self) -> None:
        """Nothing waits in memory."""

    @contextmanager
    def _failure_noted(self) -> Iterator[None]:
        try:
            yield
        except (SpoolError, NotUnderstood) as failure:
            self._failure = failure
            self.discard()


class ReceivingDimse(DIMSEServiceProvider):  # type: ignore[misc]
    """The DIMSE provider of one association: knows the transfers that its peer has begun."""

    def __init__(self, association: Association, spool: Spool, object_max_bytes: int) -> None:
        super().__init__(association)
        self.association_id = uuid.uuid4().hex
        self._spool = spool
        self._object_max_bytes = object_max_bytes
        self._transfers: set[Transfer] = set()
        self._fragments = 0

    @property
    def is_behind(self) -> bool:
        """Whether the peer has sent more messages than are dealt with: no more is read of it."""
        is_event_underway: bool = self.assoc.events_underway > 1
        return is_event_underway or self.msg_queue.qsize() > _MESSAGES_AT_ONCE

    def receive_value(self, context_id: int, value: memoryview) -> None:
        """Take one presentation data value, a fragment of a command or of a data set."""
        if len(value) == 1 and not value[0] & _LAST:
            raise ValueError("a fragment of nothing, and more to come")
        transfer = self.message and self.message._data_set_file
        if transfer and value[0] & _COMMAND_OR_LAST == 0:
            transfer.write(value[1:])
            return
        data = P_DATA()
        data.presentation_data_value_list = [[context_id, bytes(value)]]
        super().receive_primitive(data)
        self._fragments = 0 if self.message is None else self._fragments + 1
        if self.message is not None:
            self._look_after_message(context_id)

    def _look_after_message(self, context_id: int) -> None:
        message = self.message
        if isinstance(message, C_STORE_RQ):
            if message._data_set_file is None:
                message._data_set_file = self._begin_transfer(message.command_set, context_id)
            return
        length = message.encoded_command_set.tell() + message.data_set.tell()
        if length > _MESSAGE_MAX_BYTES or self._fragments > _FRAGMENTS_AT_MOST:
            raise ValueError("a message that is no C-STORE is too long")

    def _begin_transfer(self, command_set: Any, context_id: int) -> Transfer:
        if not (command_set.AffectedSOPClassUID and command_set.AffectedSOPInstanceUID):
            raise ValueError("a C-STORE request that names no object")
        contexts = {context.context_id: context for context in self.assoc.accepted_contexts}
        transfer = Transfer(self._spool, self._object_max_bytes)
        self._transfers.add(transfer)
        transfer.write_file_head(command_set, contexts[context_id].transfer_syntax[0])
        return transfer

    def end_transfer(self, transfer: Transfer) -> None:
        transfer.discard()
        self._transfers.discard(transfer)

    def end_all_transfers(self) -> None:
        """Leave nothing behind of what the peer began and did not finish."""
        for transfer in list(self._transfers):
            self.end_transfer(transfer)

    def get_msg(self, block: bool = False) -> Any:
        """The next message; the reactor's question waits a little, so that it need not poll."""
        if block:
            return super().get_msg(block=True)
        with suppress(queue.Empty):
            return self.msg_queue.get(timeout=_WAIT_SECONDS)
        return None, None
