"""A result as it lies in the spool: its header, its pixels and its other bulk data."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from pydicom import dcmread
from pydicom.dataset import FileDataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import ExplicitVRLittleEndian

from dicom_node.header_reading import UNREADABLE
from dicom_node.received_header import whole_number
from dicom_node.spool import Spool, SpoolError

PIECE_BYTES = 1 << 20
PIXEL_DATA = 0x7FE00010
_PIXEL_DATA_HEADER = struct.Struct("<HH2s2xI")
_UNDEFINED_LENGTH = 0xFFFFFFFF


class ObjectUnreadable(Exception):
    """A result cannot be read from the spool: a person looks."""


class NoSuchFrame(Exception):
    """The object has no frame of that number."""


@dataclass(frozen=True)
class Pixels:
    """Where the pixels of an uncompressed object are in its file, and how many."""

    start: int
    length: int
    frame_bytes: int
    frames: int

    def place(self, frame_number: int) -> tuple[int, int]:
        """Position and length of a frame; they count from one."""
        if not 1 <= frame_number <= self.frames:
            raise NoSuchFrame(f"there is no frame {frame_number}: it has {self.frames}")
        return self.start + (frame_number - 1) * self.frame_bytes, self.frame_bytes


@dataclass(frozen=True)
class KeptObject:
    """The header holds all but the pixels; `pixels` None: there are none that have frames."""

    header: FileDataset
    pixels: Pixels | None


def read_object(spool: Spool, spool_key: str) -> KeptObject:
    """Header and place of the pixels; ObjectUnreadable where the file is gone or damaged."""
    try:
        with spool.open(spool_key) as stream:
            header = dcmread(stream, stop_before_pixels=True)
            return KeptObject(header, _find_pixels(stream, header))
    except (SpoolError, InvalidDicomError, *UNREADABLE) as error:
        raise ObjectUnreadable(f"a result cannot be read: {type(error).__name__}") from error


def read_pieces(spool: Spool, spool_key: str, start: int = 0, length: int = -1) -> Iterator[bytes]:
    """The bytes of a file, or some of them, in pieces.

    ObjectUnreadable in the middle ends the connection: nobody takes what was sent for the whole.
    """
    try:
        with spool.open(spool_key) as stream:
            stream.seek(start)
            while length and (piece := stream.read(_piece_bytes(length))):
                yield piece
                length -= len(piece) if length > 0 else 0
    except (SpoolError, OSError) as error:
        raise ObjectUnreadable(f"a result cannot be read: {type(error).__name__}") from error


def _piece_bytes(length: int) -> int:
    return PIECE_BYTES if length < 0 else min(length, PIECE_BYTES)


def _find_pixels(stream: BinaryIO, header: FileDataset) -> Pixels | None:
    """The reading ended where the pixels begin, if there are any."""
    if header.file_meta.TransferSyntaxUID != ExplicitVRLittleEndian:
        return None
    element = stream.read(_PIXEL_DATA_HEADER.size)
    if len(element) < _PIXEL_DATA_HEADER.size:
        return None
    group, number, _vr, length = _PIXEL_DATA_HEADER.unpack(element)
    frame_bytes, frames = _frame_bytes(header), max(1, whole_number(header, "NumberOfFrames"))
    fits = length != _UNDEFINED_LENGTH and 0 < frame_bytes * frames <= length
    if (group << 16 | number) != PIXEL_DATA or not fits:
        return None
    return Pixels(stream.tell(), length, frame_bytes, frames)


def _frame_bytes(header: FileDataset) -> int:
    """0 where frames do not begin with a byte."""
    keywords = ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated")
    rows, columns, samples, bits = (whole_number(header, keyword) for keyword in keywords)
    return rows * columns * samples * bits // 8 if bits % 8 == 0 else 0
