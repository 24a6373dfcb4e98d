"""Takes a multipart body apart as it comes (RFC 2046 5.1), and holds little of it in memory."""

import re
from enum import Enum, auto
from typing import Protocol

_HEADERS_MAX_BYTES = 8192
_PREAMBLE_MAX_BYTES = 8192
_BOUNDARY_MAX_BYTES = 200  # RFC 2046 has 70; some senders have never read it
_PADDING_MAX_BYTES = 64
_AFTER_BOUNDARY = re.compile(rb"--|[ \t]{0,%d}(?=\r\n)" % _PADDING_MAX_BYTES)
_PERHAPS_AFTER = re.compile(rb"-?|[ \t]{0,%d}\r?" % _PADDING_MAX_BYTES)  # there is more to come


class MultipartMalformed(Exception):
    """The body cannot be taken apart; the sentence says where it went wrong."""


class PartSink(Protocol):
    """Takes what is in the parts, one part after the other."""

    def begin_part(self, headers: dict[str, str]) -> None: ...
    def write(self, data: bytes) -> None: ...
    def end_part(self) -> None: ...


class _Place(Enum):
    PREAMBLE = auto()
    HEADERS = auto()
    CONTENT = auto()
    EPILOGUE = auto()


class MultipartReader:
    """Hands on each part as its bytes arrive; `finish` after the last of them."""

    def __init__(self, boundary: str, sink: PartSink, parts_max: int) -> None:
        if not 0 < len(boundary) <= _BOUNDARY_MAX_BYTES:
            raise MultipartMalformed("the Content-Type names no boundary, or one that is too long")
        self._delimiter = b"\r\n--" + boundary.encode("latin-1")
        self._sink = sink
        self._parts_left = parts_max
        self._preamble_bytes = 0
        self._place = _Place.PREAMBLE
        self._buffer = b"\r\n"  # so that the first boundary has a line before it, as all have

    def feed(self, data: bytes) -> None:
        self._buffer += data
        while self._step():
            pass

    def finish(self) -> None:
        if self._place is _Place.PREAMBLE:
            raise MultipartMalformed("there is no part: the boundary does not occur in the body")
        if self._place is not _Place.EPILOGUE:
            raise MultipartMalformed("the body is cut off: its closing boundary is missing")

    def _step(self) -> bool:
        """Whether there was enough to go on with."""
        if self._place is _Place.EPILOGUE:
            self._buffer = b""
            return False
        return self._read_headers() if self._place is _Place.HEADERS else self._read_content()

    def _read_headers(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if max(end, len(self._buffer) if end < 0 else 0) > _HEADERS_MAX_BYTES:
            raise MultipartMalformed(f"the headers of a part have over {_HEADERS_MAX_BYTES} bytes")
        if end < 0:
            return False
        headers, self._buffer = self._buffer[:end], self._buffer[end + 4 :]
        self._place = _Place.CONTENT
        self._sink.begin_part(_read_headers(headers))
        return True

    def _read_content(self) -> bool:
        start = self._buffer.find(self._delimiter)
        if start < 0:
            # The last bytes may be the beginning of a boundary.
            self._hand_on(max(0, len(self._buffer) - len(self._delimiter) + 1))
            return False
        self._hand_on(start)
        after = _AFTER_BOUNDARY.match(self._buffer, len(self._delimiter))
        if after is not None:
            self._end_part(after)
        elif _PERHAPS_AFTER.fullmatch(self._buffer, len(self._delimiter)):
            return False
        else:
            self._hand_on(len(self._delimiter))  # it only looks like a boundary
        return True

    def _hand_on(self, count: int) -> None:
        content, self._buffer = self._buffer[:count], self._buffer[count:]
        if self._place is _Place.CONTENT:
            self._sink.write(content)
            return
        self._preamble_bytes += count
        if self._preamble_bytes > _PREAMBLE_MAX_BYTES:
            raise MultipartMalformed("no part begins where one should: is the boundary right?")

    def _end_part(self, after: re.Match[bytes]) -> None:
        if self._place is _Place.CONTENT:
            self._sink.end_part()
        self._buffer = self._buffer[after.end() :]
        if after.group() == b"--":
            self._place = _Place.EPILOGUE
            return
        self._place = _Place.HEADERS
        if self._parts_left == 0:
            raise MultipartMalformed("the body has too many parts: send fewer at once")
        self._parts_left -= 1


def _read_headers(block: bytes) -> dict[str, str]:
    """By name in small letters; a line that begins with a space continues the one before."""
    unfolded = re.sub(r"\r\n[ \t]+", " ", block.decode("latin-1"))
    headers = {}
    for line in filter(None, unfolded.split("\r\n")):
        name, colon, value = line.partition(":")
        if not colon:
            raise MultipartMalformed("a header of a part has no colon")
        headers[name.strip().lower()] = value.strip()
    return headers
