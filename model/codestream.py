"""What a compressed frame says of its own size, before any codec believes it."""

import re
import struct
from collections.abc import Iterator

# JPEG 2000 and HTJ2K: SOC, then SIZ (ISO 15444-1 A.5.1); a JP2 file has boxes in front of it.
_START_OF_JPEG_2000 = b"\xff\x4f\xff\x51"
_SEARCHED_BYTES = 4096
_START_OF_JPEG = b"\xff\xd8"
# ISO 10918-1 B.1.1.3 and ISO 14495-1: SOF0 to SOF15 without DHT, JPG and DAC, and SOF55.
_FRAME_HEADERS = frozenset({*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC})
_START_OF_SCAN = 0xDA
_MARKER = re.compile(rb"\xff+([^\xff\0])", re.DOTALL)


def matrix_in(stream: bytes) -> tuple[int, int] | None:
    """Rows and columns of a JPEG, JPEG-LS or JPEG 2000 codestream; None where it does not say."""
    if stream.startswith(_START_OF_JPEG):
        return _matrix_of_jpeg(stream)
    start = stream.find(_START_OF_JPEG_2000, 0, _SEARCHED_BYTES)
    return None if start < 0 else _matrix_of_jpeg_2000(stream[start + 8 : start + 24])


def _matrix_of_jpeg(stream: bytes) -> tuple[int, int] | None:
    for marker, content in _segments(stream):
        if marker in _FRAME_HEADERS and len(content) >= 5:
            rows, columns = struct.unpack(">HH", content[1:5])
            return (rows, columns) if rows else None  # B.2.5: none where they are told later
    return None


def _segments(stream: bytes) -> Iterator[tuple[int, bytes]]:
    """The marker segments before the first scan."""
    at = len(_START_OF_JPEG)
    while (found := _MARKER.match(stream, at)) and found[1][0] != _START_OF_SCAN:
        start = found.end()
        length = int.from_bytes(stream[start : start + 2], "big")
        yield found[1][0], stream[start + 2 : start + length]
        at = start + max(length, 2)


def _matrix_of_jpeg_2000(size: bytes) -> tuple[int, int] | None:
    """The image area on the reference grid, from Xsiz on."""
    if len(size) < 16:
        return None
    right, bottom, left, top = struct.unpack(">4L", size)
    return bottom - top, right - left
