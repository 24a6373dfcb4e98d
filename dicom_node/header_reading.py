"""Reads the header of a received object within bounds, whatever its sender put there."""

import io
import re
import struct
import zlib
from collections.abc import Sequence
from typing import Any, BinaryIO

from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filereader import read_dataset, read_preamble
from pydicom.tag import Tag
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian
from pydicom.valuerep import VR

_UID = re.compile(r"[0-9]+(\.[0-9]+)*")
_UID_MAX_LENGTH = 64
_HEADER_MAX_BYTES = 2 << 20
_HEADER_MAX_ELEMENTS = 10_000
_VALUE_MAX_BYTES = 1 << 20
_INFLATE_STEP_BYTES = 1 << 16
_DATA_SETS_FIRST_TAG = 0x00030000  # all of group 0002 is file meta information
_UNDEFINED_LENGTH = 0xFFFFFFFF
# What pydicom raises on values that are not what their VR says, on nesting without end, and (as
# OSError) on sequences that are cut off.
UNREADABLE = (
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    RecursionError,
    MemoryError,
    EOFError,
    OSError,
    NotImplementedError,
    struct.error,
    zlib.error,
    BytesLengthException,
    InvalidDicomError,
)


class NotUnderstood(Exception):
    """The object cannot be read as what it claims to be: its sender must look."""


def is_uid(value: object) -> bool:
    """Whether a value is a single UID (PS3.5 9.1; leading zeros are met and let pass)."""
    return (
        isinstance(value, str)
        and len(value) <= _UID_MAX_LENGTH
        and _UID.fullmatch(value) is not None
    )


def require_uid(dataset: Any, keyword: str) -> UID:
    """The UID under the keyword; NotUnderstood where there is none."""
    value = element_value(dataset, keyword)
    if not is_uid(value):
        raise NotUnderstood(f"{keyword} is missing or no UID")
    return UID(value)


def element_value(dataset: Dataset, keyword: str) -> Any:
    """The decoded value; None where it is missing, empty or cannot be decoded."""
    try:
        return dataset.get(keyword)
    except UNREADABLE:
        return None


def read_file_meta(stream: BinaryIO) -> Dataset:
    """The file meta information of a DICOM file (PS3.10 7.1); the stream is then at its data set.

    Raises NotUnderstood where there is none.
    """
    try:
        read_preamble(stream, False)
        return read_dataset(stream, False, True, stop_when=_is_past_meta)
    except UNREADABLE as error:
        raise NotUnderstood("not a DICOM file") from error


def _is_past_meta(tag: int, _vr: str | None, _length: int) -> bool:
    return tag >= _DATA_SETS_FIRST_TAG


def read_header(stream: BinaryIO, transfer_syntax_uid: UID, keywords: Sequence[str]) -> Dataset:
    """The elements, named by keyword or "GGGGEEEE", of the data set at the stream's position."""
    wanted = {int(Tag(keyword)) for keyword in keywords}
    if transfer_syntax_uid == DeflatedExplicitVRLittleEndian:
        stream = _inflated_start(stream)
    try:
        header = read_dataset(
            io.BufferedReader(_BoundedReader(stream)),
            transfer_syntax_uid.is_implicit_VR,
            transfer_syntax_uid.is_little_endian,
            stop_when=_Stop(wanted),
            specific_tags=list(wanted),
        )
        _drop_false_sequences(header)
        return header
    except UNREADABLE as error:
        raise NotUnderstood("the data set cannot be read") from error


def _drop_false_sequences(dataset: Dataset) -> None:
    """What is a sequence by its tag and a text by its VR, or the reverse, says nothing.

    Whoever reads it goes by the tag, and would look for items in a text.
    """
    for tag in list(dataset.keys()):
        stated, known = dataset.get_item(tag).VR, _known_vr(tag)
        if stated not in (None, VR.UN) and known and (stated == VR.SQ) != (known == VR.SQ):
            del dataset[tag]
        elif VR.SQ in (stated, known):
            for item in dataset[tag].value or ():
                _drop_false_sequences(item)


def _known_vr(tag: int) -> str | None:
    return dictionary_VR(tag) if dictionary_has_tag(tag) else None


class _Stop:
    """Ends the reading after what is wanted, and where it becomes too much to be meant."""

    def __init__(self, wanted: set[int]) -> None:
        self._wanted = wanted
        self._elements = 0
        self._last = max(wanted)  # long before the pixels

    def __call__(self, tag: int, _vr: str | None, length: int) -> bool:
        self._elements += 1
        if self._elements > _HEADER_MAX_ELEMENTS:
            raise NotUnderstood("the header has too many elements")
        if tag in self._wanted and _VALUE_MAX_BYTES < length < _UNDEFINED_LENGTH:
            raise NotUnderstood("an element of the header is too long")
        return tag > self._last


class _BoundedReader(io.RawIOBase):
    """Reads so much and no more; what is skipped does not count."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._left_bytes = _HEADER_MAX_BYTES

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._stream.seek(offset, whence)

    def readinto(self, buffer: Any) -> int:
        if self._left_bytes <= 0:
            raise NotUnderstood("the header is too long")
        piece = self._stream.read(len(memoryview(buffer)))
        memoryview(buffer)[: len(piece)] = piece
        self._left_bytes -= len(piece)
        return len(piece)


def _inflated_start(stream: BinaryIO) -> BinaryIO:
    """The first bytes that a deflated data set (PS3.5 A.5) inflates to, however many there are."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    inflated = io.BytesIO()
    piece = stream.read(_INFLATE_STEP_BYTES)
    try:
        # What follows the end of the deflated stream, as padding does, is never consumed.
        while piece and not inflater.eof and inflated.tell() < _HEADER_MAX_BYTES:
            inflated.write(inflater.decompress(piece, _INFLATE_STEP_BYTES))
            piece = inflater.unconsumed_tail or stream.read(_INFLATE_STEP_BYTES)
    except zlib.error as error:
        raise NotUnderstood("the deflated data set is damaged") from error
    inflated.seek(0)
    return inflated
