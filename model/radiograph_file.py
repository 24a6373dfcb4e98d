"""A file that may be a radiograph: which kind it is, and its frames where the rules cover it."""

from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from pydicom import dcmread
from pydicom.errors import InvalidDicomError

from model.coverage import reason_not_covered
from model.dicom_pixels import MAX_DECODED_BYTES, UNDECODABLE
from model.radiograph import NotAssessable, Radiograph, read_dicom, read_picture

_PREAMBLE_BYTES = 128  # PS3.10 7.1
_COVERED_BY = ["Modality", "BodyPartExamined"]


class FileKind(StrEnum):
    """What a file is by its content, whatever its name says."""

    DICOM = "DICOM"
    PNG = "PNG"
    JPEG = "JPEG"
    OTHER = "other"


def kind_of(content: bytes) -> FileKind:
    """By its first bytes."""
    if content[_PREAMBLE_BYTES : _PREAMBLE_BYTES + 4] == b"DICM":
        return FileKind.DICOM
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return FileKind.PNG
    return FileKind.JPEG if content.startswith(b"\xff\xd8\xff") else FileKind.OTHER


def read_file(file: BinaryIO, max_bytes: int = MAX_DECODED_BYTES) -> list[Radiograph]:
    """The frames of a covered DICOM image, or the one picture of a PNG or JPEG.

    Raises NotAssessable with the reason where there are none.
    """
    kind = kind_of(file.read(_PREAMBLE_BYTES + 4))
    file.seek(0)
    if kind is FileKind.OTHER:
        raise NotAssessable("neither a DICOM file nor a PNG or JPEG picture")
    if kind is not FileKind.DICOM:
        return [read_picture(file, max_bytes)]
    refuse_uncovered(file)
    file.seek(0)
    return read_dicom(file, max_bytes)


def refuse_uncovered(source: Path | BinaryIO) -> None:
    """The node's own rule; a header that cannot be read is left to the reader to explain."""
    try:
        header = dcmread(source, stop_before_pixels=True, specific_tags=_COVERED_BY)
    except (InvalidDicomError, *UNDECODABLE):
        return
    reason = reason_not_covered(*(str(header.get(tag, "")) for tag in _COVERED_BY))
    if reason is not None:
        raise NotAssessable(reason)
