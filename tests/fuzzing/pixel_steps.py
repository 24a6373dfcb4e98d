"""Steps that change what the pixels are packed in: fragments, offset tables and codestreams."""

import re
import struct
from random import Random

from pydicom.uid import RLELossless

from tests.fuzzing import values
from tests.fuzzing.draft import Draft
from tests.fuzzing.element_steps import Step, change_pixel_number
from tests.fuzzing.elements import Fragments

_JPEG_MARKER = re.compile(rb"\xff[\x01-\xfe]")
_FRAME_HEADERS = tuple(bytes([0xFF, marker]) for marker in (0xC0, 0xC1, 0xC3, 0xF7))
_SIZE = b"\xff\x51"  # SIZ of JPEG 2000
_EXTENDED_OFFSETS, _EXTENDED_LENGTHS = 0x7FE00001, 0x7FE00002


def change_offset_table(chance: Random, draft: Draft) -> None:
    """Offsets into nowhere, backwards, all the same, or too many."""
    fragments = draft.fragments
    if fragments is None:
        return change_pixel_number(chance, draft)
    count = chance.choice((0, 1, 2, 3, 100))
    offsets = [chance.choice((0, 1, 8, 0xFFFFFFFF, chance.randrange(4000))) for _ in range(count)]
    fragments.pieces[0] = struct.pack(f"<{count}L", *offsets) + values.noise(chance, 3)
    return None


def change_extended_offsets(chance: Random, draft: Draft) -> None:
    count = chance.choice((0, 1, 2, 50))
    for tag in (_EXTENDED_OFFSETS, _EXTENDED_LENGTHS):
        numbers = [chance.choice((0, 1, 8, 1 << 31, (1 << 64) - 1, 500)) for _ in range(count)]
        draft.put(tag, b"OV", struct.pack(f"<{count}Q", *numbers))


def change_fragments(chance: Random, draft: Draft) -> None:
    fragments = draft.fragments
    if fragments is None:
        return change_pixel_number(chance, draft)
    chance.choice((_split, _split, _empty, _shuffle, _drop, _unended, _lie))(chance, fragments)
    return None


def _split(chance: Random, fragments: Fragments) -> None:
    """Into many tiny pieces."""
    size = chance.choice((1, 2, 3, 16))
    joined = b"".join(fragments.pieces[1:])
    pieces = [joined[at : at + size] for at in range(0, len(joined), size)]
    fragments.pieces[1:] = pieces


def _empty(chance: Random, fragments: Fragments) -> None:
    place = chance.randrange(1, len(fragments.pieces) + 1)
    fragments.pieces[place:place] = [b""] * chance.choice((1, 2, 500))


def _shuffle(chance: Random, fragments: Fragments) -> None:
    chance.shuffle(fragments.pieces)


def _drop(chance: Random, fragments: Fragments) -> None:
    del fragments.pieces[chance.randrange(len(fragments.pieces))]


def _unended(chance: Random, fragments: Fragments) -> None:
    fragments.is_ended = False


def _lie(chance: Random, fragments: Fragments) -> None:
    place = chance.randrange(len(fragments.pieces))
    fragments.claimed[place] = chance.choice(values.UNDEFINED_OR)


def change_codestream(chance: Random, draft: Draft) -> None:
    """One frame's bytes, changed where its decoder steers by them."""
    fragments = draft.fragments
    if fragments is None or len(fragments.pieces) < 2 or not any(fragments.pieces[1:]):
        return change_pixel_number(chance, draft)
    place = chance.choice([n for n, piece in enumerate(fragments.pieces) if n and piece])
    stream = fragments.pieces[place]
    if draft.transfer_syntax_uid == RLELossless and chance.random() < 0.7:
        changed = _change_run_header(chance, stream)
    else:
        changed = chance.choice(_STREAM_CHANGES)(chance, stream)
    fragments.pieces[place] = changed + b"\0" * (len(changed) % 2)
    return None


def _change_run_header(chance: Random, stream: bytes) -> bytes:
    """PS3.5 G.5: the number of segments, then up to 15 offsets."""
    header = list(struct.unpack("<16L", stream[:64].ljust(64, b"\0")))
    for _ in range(chance.choice((1, 1, 2, 5))):
        odd = (0, 1, 2, 3, 15, 16, 63, 64, 65, len(stream), 0x7FFFFFFF, 0xFFFFFFFF)
        header[chance.randrange(16)] = chance.choice(odd)
    return struct.pack("<16L", *header) + stream[64:]


def _change_size(chance: Random, stream: bytes) -> bytes:
    """Rows and columns, precision and components that the data set does not know of."""
    at = stream.find(_SIZE)
    if at >= 0:
        place = at + 4 + chance.choice((2, 6, 10, 14, 18, 22, 26, 30))
        wild = chance.choice((0, 1, 31, 33, 64, 4096, 65535, 1 << 31, 0xFFFFFFFF))
        return stream[:place] + struct.pack(">L", wild) + stream[place + 4 :]
    ats = [at for marker in _FRAME_HEADERS if (at := stream.find(marker)) >= 0]
    if not ats:
        return _change_byte(chance, stream)
    place = min(ats) + chance.choice((4, 5, 7, 9, 11))
    return stream[:place] + values.words(chance, ">") + stream[place + 2 :]


def _change_segment(chance: Random, stream: bytes) -> bytes:
    """Remove, repeat, or lie about the length of a marker segment."""
    ats = [match.start() for match in _JPEG_MARKER.finditer(stream[:2000])]
    if len(ats) < 2:
        return _change_byte(chance, stream)
    place = chance.randrange(len(ats) - 1)
    start, end = ats[place], ats[place + 1]
    kind = chance.randrange(4)
    if kind == 0:
        return stream[:start] + stream[end:]
    if kind == 1:
        return stream[:start] + stream[start:end] * chance.choice((2, 50)) + stream[end:]
    if kind == 2:
        return stream[: start + 2] + values.words(chance, ">") + stream[start + 4 :]
    return stream[:start] + bytes([0xFF, chance.randrange(1, 255)]) + stream[start + 2 :]


def _change_byte(chance: Random, stream: bytes) -> bytes:
    changed = bytearray(stream)
    for _ in range(chance.choice((1, 2, 8))):
        if changed:
            where = chance.randrange(min(len(changed), chance.choice((64, 200, 1 << 20))))
            changed[where] = chance.choice((0, 255, 127, 128, chance.randrange(256)))
    return bytes(changed)


def _cut(chance: Random, stream: bytes) -> bytes:
    return stream[: chance.randrange(len(stream) + 1)]


def _exchange(chance: Random, stream: bytes) -> bytes:
    return values.noise(chance, 400)


_STREAM_CHANGES = (_change_size, _change_size, _change_segment, _change_byte, _cut, _exchange)
PACKING_STEPS: tuple[Step, ...] = (
    change_offset_table,
    change_extended_offsets,
    change_fragments,
    change_codestream,
    change_codestream,
    change_codestream,
)
