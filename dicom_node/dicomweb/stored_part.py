"""One part of a STOW-RS request: a DICOM file that goes the way of a C-STORE.

The same transfer, service and ledger take it, so that an object is the same by whichever door it
comes: the node writes its own file meta information before the data set, which stays as sent.
"""

import uuid
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from pydicom.uid import UID

from dicom_node.contexts import STORAGE_SOP_CLASSES, TRANSFER_SYNTAXES
from dicom_node.dicomweb.file_head import FileHead, HeadIncomplete, read_file_head
from dicom_node.dicomweb.gateway_config import CALLING_AE_TITLE
from dicom_node.dicomweb.media_types import DICOM, read_media_type
from dicom_node.header_reading import NotUnderstood, is_uid
from dicom_node.received import ReceivedObject
from dicom_node.spool import Spool, SpoolError
from dicom_node.statuses import StoreStatus
from dicom_node.store_service import StoreService
from dicom_node.transfer import Transfer

TRANSFER_SYNTAX_NOT_SUPPORTED = 0xC122  # PS3.18 I.2.2
_PLAIN_ENCODINGS = ("", "binary", "8bit", "7bit")
# What a request is answered in which nothing but this went wrong.
_HTTP_STATUSES: dict[int, int] = {
    StoreStatus.SUCCESS: 200,
    StoreStatus.OUT_OF_RESOURCES: 503,
    StoreStatus.PROCESSING_FAILURE: 500,
    StoreStatus.NOT_UNDERSTOOD: 400,
}


@dataclass(frozen=True)
class Outcome:
    """What became of one part, by a C-STORE status; without UIDs where it named no object."""

    status: int
    reason: str = ""
    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    http_status: int = 200

    @property
    def is_stored(self) -> bool:
        return self.status == StoreStatus.SUCCESS


class HttpAssociation:
    """An HTTP request as the store service and the ledger see it: an association with its peer."""

    def __init__(self, address: str, called_ae_title: str) -> None:
        self.association_id = uuid.uuid4().hex
        self.dimse = self
        self.requestor = SimpleNamespace(ae_title=CALLING_AE_TITLE, address=address)
        self.acceptor = SimpleNamespace(ae_title=called_ae_title)
        self.remote = {"address": address, "ae_title": CALLING_AE_TITLE}
        self.local = {"ae_title": called_ae_title}

    def end_transfer(self, transfer: Transfer) -> None:
        transfer.discard()


@dataclass
class _StoreRequest:
    """The C-STORE request that the file's head amounts to."""

    AffectedSOPClassUID: UID
    AffectedSOPInstanceUID: UID
    _dataset_file: Transfer

    def get(self, keyword: str) -> UID:
        return UID(getattr(self, keyword))


@dataclass(frozen=True)
class PartDoor:
    """Where parts go: `study_instance_uid` is the only study that they may belong to, if any."""

    service: StoreService
    spool: Spool
    association: HttpAssociation
    object_max_bytes: int
    study_instance_uid: str | None = None


@dataclass
class StoredPart:
    """Takes all bytes of its part, and says at the end what became of it."""

    door: PartDoor
    headers: dict[str, str]
    _start: bytes = b""
    _head: FileHead | None = None
    _request: _StoreRequest | None = None
    _failure: Outcome | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        media_type = read_media_type(self.headers.get("content-type", ""))
        if not media_type.name:
            self._fail(StoreStatus.NOT_UNDERSTOOD, "the part has no Content-Type")
        elif media_type.name != DICOM:
            self._fail(StoreStatus.NOT_UNDERSTOOD, f"the part is not {DICOM}", http_status=415)
        elif self.headers.get("content-transfer-encoding", "").lower() not in _PLAIN_ENCODINGS:
            self._fail(StoreStatus.NOT_UNDERSTOOD, "the part is not sent in binary")

    def write(self, data: bytes) -> None:
        if self._request is not None:
            self._request._dataset_file.write(data)
        elif self._failure is None:
            self._start += data
            self._begin()

    def end(self) -> Outcome:
        """The part is complete: keep it, or say why not."""
        if self._request is None or self._head is None:
            return self._failure or self.cut_off("the file ends before its data set")
        if self._is_of_other_study(self._request._dataset_file):
            self.discard()
            reason = "its study is not the one of the URL"
            return self._outcome(StoreStatus.DATA_SET_MISMATCH, reason)
        return self._store(self._request)

    def cut_off(self, reason: str) -> Outcome:
        """The part ends here, and is not kept."""
        self.discard()
        return self._failure or self._outcome(StoreStatus.NOT_UNDERSTOOD, reason)

    def discard(self) -> None:
        """Leave no file behind."""
        if self._request is not None:
            self._request._dataset_file.discard()

    def _begin(self) -> None:
        try:
            self._head = head = read_file_head(self._start)
        except HeadIncomplete:
            return
        except NotUnderstood as refusal:
            self._fail(StoreStatus.NOT_UNDERSTOOD, str(refusal))
            return
        self._refuse_unsupported(head)
        if self._failure is None:
            self._request = _begin_transfer(self.door, head)
            self._request._dataset_file.write(memoryview(self._start)[head.size_bytes :])
        self._start = b""

    def _refuse_unsupported(self, head: FileHead) -> None:
        """What a listener refuses with the association: SOP classes and transfer syntaxes."""
        if not (is_uid(head.sop_class_uid) and is_uid(head.sop_instance_uid)):
            self._fail(StoreStatus.NOT_UNDERSTOOD, "the file meta information names no object")
        elif head.sop_class_uid not in STORAGE_SOP_CLASSES:
            self._fail(StoreStatus.SOP_CLASS_NOT_SUPPORTED, "its SOP class is not supported")
        elif head.transfer_syntax_uid not in TRANSFER_SYNTAXES:
            self._fail(TRANSFER_SYNTAX_NOT_SUPPORTED, "its transfer syntax is not supported")

    def _store(self, request: _StoreRequest) -> Outcome:
        transfer = request._dataset_file
        event = SimpleNamespace(
            request=request,
            assoc=self.door.association,
            context=SimpleNamespace(abstract_syntax=request.AffectedSOPClassUID),
        )
        answer = self.door.service.handle_store(event)
        too_large = transfer.size_bytes > self.door.object_max_bytes
        http_status = 413 if too_large and answer.Status != StoreStatus.SUCCESS else None
        return self._outcome(int(answer.Status), answer.get("ErrorComment", ""), http_status)

    def _is_of_other_study(self, transfer: Transfer) -> bool:
        if self.door.study_instance_uid is None:
            return False
        try:
            with transfer.received().reopen() as stream:
                stream.seek(transfer.data_set_offset)
                received = ReceivedObject(stream, transfer.transfer_syntax_uid)
        except (NotUnderstood, SpoolError):
            return False  # the store service says so in its own words
        return bool(received.study_instance_uid != self.door.study_instance_uid)

    def _fail(self, status: int, reason: str, http_status: int | None = None) -> None:
        self._failure = self._outcome(status, reason, http_status)
        self._start = b""

    def _outcome(self, status: int, reason: str, http_status: int | None = None) -> Outcome:
        head = self._head
        is_named = head is not None and is_uid(head.sop_class_uid) and is_uid(head.sop_instance_uid)
        return Outcome(
            status,
            reason,
            head.sop_class_uid if head and is_named else "",
            head.sop_instance_uid if head and is_named else "",
            http_status or _HTTP_STATUSES.get(status, 409),
        )


def _begin_transfer(door: PartDoor, head: FileHead) -> _StoreRequest:
    transfer = Transfer(door.spool, door.object_max_bytes)
    request = _StoreRequest(UID(head.sop_class_uid), UID(head.sop_instance_uid), transfer)
    command: Any = request
    transfer.write_file_head(command, UID(head.transfer_syntax_uid))
    return request
