"""Taking a multipart body apart: the same parts however the bytes are cut on their way."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from dicom_node.dicomweb.file_head import HeadIncomplete, read_file_head
from dicom_node.dicomweb.multipart_reading import MultipartMalformed, MultipartReader
from dicom_node.header_reading import NotUnderstood

_BOUNDARY = "b-1"
# What looks like a boundary, and is none: its beginning, and a longer word.
_TRICKY = st.sampled_from([b"\r\n", b"\r\n--", b"\r\n--b-", b"\r\n--b-1x", b"--b-1", b"-", b"\0"])
_CONTENT = st.lists(_TRICKY | st.binary(max_size=20), max_size=8).map(b"".join)
_REAL_BOUNDARY = re.compile(rb"\r\n--b-1(--|[ \t]*(\r\n|$))")
_CONTENTS = st.lists(
    _CONTENT.filter(lambda content: not _REAL_BOUNDARY.search(content)), min_size=1, max_size=4
)


class Collected:
    """The parts as they were handed on."""

    def __init__(self) -> None:
        self.complete: list[tuple[dict[str, str], bytes]] = []
        self._headers: dict[str, str] = {}
        self._content = b""

    def begin_part(self, headers: dict[str, str]) -> None:
        self._headers, self._content = headers, b""

    def write(self, data: bytes) -> None:
        self._content += data

    def end_part(self) -> None:
        self.complete.append((self._headers, self._content))


def _fed(message: bytes, piece_bytes: int) -> list[tuple[dict[str, str], bytes]]:
    collected = Collected()
    reader = MultipartReader(_BOUNDARY, collected, parts_max=100)
    for start in range(0, len(message), piece_bytes):
        reader.feed(message[start : start + piece_bytes])
    reader.finish()
    return collected.complete


@settings(max_examples=80)
@given(_CONTENTS, st.integers(1, 70))
def test_parts_come_out_as_they_went_in(contents: list[bytes], piece_bytes: int) -> None:
    parts = [b"--b-1\r\nX-Number: %d\r\n\r\n%s\r\n" % pair for pair in enumerate(contents)]
    message = b"".join(parts) + b"--b-1--\r\n"
    expected = [({"x-number": str(n)}, content) for n, content in enumerate(contents)]
    assert _fed(message, piece_bytes) == expected


@given(st.binary(max_size=300), st.integers(1, 70))
def test_any_other_bytes_are_malformed(message: bytes, piece_bytes: int) -> None:
    try:
        _fed(b"--b-1\r\n" + message, piece_bytes)
    except MultipartMalformed:
        return
    assert b"--b-1--" in message


@given(st.binary(max_size=400), st.sampled_from([b"", bytes(128) + b"DICM"]))
def test_any_head_is_read_or_refused(content: bytes, magic: bytes) -> None:
    try:
        head = read_file_head(magic + content)
    except (HeadIncomplete, NotUnderstood):
        return
    assert 132 <= head.size_bytes <= len(magic + content)
