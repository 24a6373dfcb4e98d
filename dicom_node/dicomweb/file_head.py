"""The head of a DICOM file on its way in: preamble and file meta information (PS3.10 7.1)."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from dicom_node.header_reading import NotUnderstood

_PREAMBLE_BYTES = 128
_MAGIC = b"DICM"
_META_START = _PREAMBLE_BYTES + len(_MAGIC)
_META_MAX_BYTES = 1 << 16
_LONGEST_ELEMENT_HEADER = 12
_LONG_VRS = (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT")
_GROUP_LENGTH, _SOP_CLASS, _SOP_INSTANCE, _TRANSFER_SYNTAX = 0x0000, 0x0002, 0x0003, 0x0010


class HeadIncomplete(Exception):
    """More bytes are needed."""


@dataclass(frozen=True)
class FileHead:
    """What the file says of its data set, which begins at `size_bytes`; '' is absent."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    size_bytes: int


def read_file_head(start: bytes) -> FileHead:
    """The head of the file that starts so.

    HeadIncomplete where more of it is needed; NotUnderstood where it is none.
    """
    if len(start) < _META_START:
        raise HeadIncomplete
    if start[_PREAMBLE_BYTES:_META_START] != _MAGIC:
        raise NotUnderstood("no DICOM file: DICM is missing")
    texts, size_bytes = {}, _META_START
    for element, value, end in _elements(start):
        texts[element] = value.rstrip(b"\0 ").decode("ascii", "replace")
        size_bytes = end
    return FileHead(
        sop_class_uid=texts.get(_SOP_CLASS, ""),
        sop_instance_uid=texts.get(_SOP_INSTANCE, ""),
        transfer_syntax_uid=texts.get(_TRANSFER_SYNTAX, ""),
        size_bytes=size_bytes,
    )


def _elements(start: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Number, value and end of each element of group 0002, which is Explicit VR Little Endian."""
    position, limit = _META_START, None
    while limit is None or position < limit:
        if position > _META_MAX_BYTES:
            raise NotUnderstood("the file meta information is too long")
        header = start[position : position + _LONGEST_ELEMENT_HEADER]
        if len(header) < _LONGEST_ELEMENT_HEADER:
            raise HeadIncomplete
        group, element, vr, length = struct.unpack("<HH2sH", header[:8])
        if group != 0x0002:
            return
        if not vr.isupper():
            raise NotUnderstood("the file meta information is not in Explicit VR")
        value_at = position + 8
        if vr in _LONG_VRS:
            value_at, [length] = position + 12, struct.unpack("<I", header[8:])
        position = value_at + length
        if position > _META_MAX_BYTES:
            raise NotUnderstood("the file meta information is too long")
        if position > len(start):
            raise HeadIncomplete
        value = start[value_at:position]
        # Without it the end would have to be guessed: deflated data may begin with 02 00.
        if element == _GROUP_LENGTH and length == 4:
            limit = position + int.from_bytes(value, "little")
        yield element, value, position
