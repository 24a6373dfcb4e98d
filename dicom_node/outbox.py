"""Sending files that are not results: what `osteon send` and the demonstration do."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from dicom_node.dicomize import write_dicom
from dicom_node.peer import Destination, PeerRefused
from dicom_node.sender import SendableObject, Sender


@dataclass(frozen=True)
class FileOutcome:
    """What became of one file."""

    path: Path
    stored: bool
    said: str
    is_readable: bool = True


def send_files(
    destination: Destination, calling_ae_title: str, paths: Sequence[Path]
) -> Iterator[FileOutcome]:
    """Stores each file as it is; PeerUnavailable ends it, a refused or unreadable file does not."""
    readable = {path: one for path in paths if (one := _sendable(path)) is not None}
    sender = _sender(calling_ae_title, list(readable.values()))
    try:
        for path in paths:
            yield _send_file(sender, destination, path, readable.get(path))
    finally:
        sender.close()


def send_datasets(
    destination: Destination, calling_ae_title: str, datasets: Sequence[Dataset]
) -> None:
    """Stores each data set on one association; raises PeerTrouble at the first that fails."""
    send_objects(destination, calling_ae_title, [_encoded(dataset) for dataset in datasets])


def send_objects(
    destination: Destination, calling_ae_title: str, objects: Sequence[SendableObject]
) -> None:
    """Stores each on one association; raises PeerTrouble at the first that fails."""
    sender = _sender(calling_ae_title, objects)
    try:
        for one in objects:
            sender.send(destination, one)
    finally:
        sender.close()


def _sender(calling_ae_title: str, objects: Sequence[SendableObject]) -> Sender:
    proposals = {
        (one.sop_class_uid, syntax) for one in objects for syntax in one.transfer_syntax_uids
    }
    return Sender(calling_ae_title, proposals=sorted(proposals))


def _send_file(
    sender: Sender, destination: Destination, path: Path, file: SendableObject | None
) -> FileOutcome:
    if file is None:
        said = "not a DICOM file with a SOP class and instance UID"
        return FileOutcome(path, False, said, is_readable=False)
    try:
        sent = sender.send(destination, file)
    except PeerRefused as refusal:
        return FileOutcome(path, False, str(refusal))
    return FileOutcome(path, True, sent.warning or "stored")


def _sendable(path: Path) -> SendableObject | None:
    try:
        header = dcmread(path, specific_tags=["SOPClassUID", "SOPInstanceUID"])
        return SendableObject(
            header.SOPClassUID,
            header.SOPInstanceUID,
            lambda: path.open("rb"),
            (header.file_meta.TransferSyntaxUID,),
        )
    except (InvalidDicomError, AttributeError, OSError):
        return None


def _encoded(dataset: Dataset) -> SendableObject:
    buffer = BytesIO()
    write_dicom(dataset, buffer)
    return SendableObject(
        dataset.SOPClassUID,
        dataset.SOPInstanceUID,
        partial(BytesIO, buffer.getvalue()),
        (dataset.file_meta.TransferSyntaxUID,),
    )
