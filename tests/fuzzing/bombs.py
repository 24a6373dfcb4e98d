"""Small files that ask for much: of memory, of time, of the stack."""

import gzip
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

from tests.fuzzing.draft import Draft, deflate
from tests.fuzzing.elements import Form, nested_items
from tests.fuzzing.mutants import file_head
from tests.fuzzing.seeds import COLUMNS, ROWS, seeds
from tests.worker.dicom_files import deflate_bomb, rle_bomb

_ROWS, _COLUMNS, _FRAMES, _SAMPLES, _BITS = 0x280010, 0x280011, 0x280008, 0x280002, 0x280100
_MOST = 0xFFFF
_FRAME_HEADERS = (b"\xff\xc0", b"\xff\xc1", b"\xff\xc3", b"\xff\xf7")
_SIZE = b"\xff\x51"
_UNDEFINED = 0xFFFFFFFF


@dataclass(frozen=True)
class Bomb:
    """A data set, as it is sent, and what a person is told of it; None: it may be decoded."""

    data: bytes
    said: str | None
    transfer_syntax_uid: UID
    sop_class_uid: UID

    def file(self) -> bytes:
        return file_head(self.sop_class_uid, self.transfer_syntax_uid) + self.data


def bombs() -> dict[str, Callable[[], Bomb]]:
    """Each made when it is asked for: some are large."""
    return {**_of_sizes(), **_of_codestreams(), **_of_elements(), **_of_fragments(), **_PACKED}


def _draft(name: str) -> Draft:
    return Draft.of(next(seed for seed in seeds() if seed.name == name), {})


def _bomb(name: str, said: str | None, data: bytes | None = None) -> Bomb:
    """Bred from the seed of this name; `data` in place of its own."""
    seed = next(seed for seed in seeds() if seed.name == name)
    encoded = _draft(name).encoded() if data is None else data
    return Bomb(encoded, said, seed.transfer_syntax_uid, seed.sop_class_uid)


def _of_sizes() -> dict[str, Callable[[], Bomb]]:
    """Headers that claim what no machine has."""

    def claiming(said: str, **values: int) -> Callable[[], Bomb]:
        def make() -> Bomb:
            draft = _draft("explicit")
            for tag, value in values.items():
                draft.put(int(tag.removeprefix("x"), 16), b"US", struct.pack("<H", value))
            return _bomb("explicit", said, draft.encoded())

        return make

    def frames(name: str, count: bytes, said: str) -> Callable[[], Bomb]:
        def make() -> Bomb:
            draft = _draft(name)
            draft.put(_FRAMES, b"IS", count)
            return _bomb(name, said, draft.encoded())

        return make

    return {
        "65535 × 65535": claiming("image claims", x280010=_MOST, x280011=_MOST),
        "16384 × 16384": claiming("image claims|less than", x280010=16384, x280011=16384),
        "65535 samples": claiming("invalid|claims", x280002=_MOST),
        "65535 bits": claiming("invalid|claims", x280100=_MOST),
        "2 billion frames": frames("frames", b"2147483647", "image claims"),
        "2 billion coded frames": frames("frames in RLE", b"2147483647", "image claims"),
        "frames that are not there": frames("frames in RLE", b"9999", "cannot be decoded"),
    }


def _of_codestreams() -> dict[str, Callable[[], Bomb]]:
    """Codestreams that are of another size than the header says."""
    names = ("JPEG baseline", "JPEG extended", "JPEG lossless", "JPEG-LS", "JPEG 2000", "HTJ2K")
    lies = {"huge": (65535, 65535), "turned": (COLUMNS, ROWS)}
    return {
        f"{name}, {kind}": lambda name=name, size=size: _resized(name, *size)  # type: ignore[misc]
        for name in names
        for kind, size in lies.items()
    } | {
        "JPEG with a second, huge frame header": _second_header,
        "JPEG 2000 of 16384 components": _many_components,
        "JPEG 2000 of tiles of one pixel": _tiny_tiles,
    }


def _resized(name: str, rows: int, columns: int) -> Bomb:
    draft = _draft(name)
    assert draft.fragments is not None
    draft.fragments.pieces[1] = _with_size(draft.fragments.pieces[1], rows, columns)
    return _bomb(name, f"are of {rows} rows and {columns} columns", draft.encoded())


def _with_size(stream: bytes, rows: int, columns: int) -> bytes:
    at = stream.find(_SIZE)
    if at >= 0:
        return stream[: at + 6] + struct.pack(">LL", columns, rows) + stream[at + 14 :]
    at = min(at for marker in _FRAME_HEADERS if (at := stream.find(marker)) >= 0)
    return stream[: at + 5] + struct.pack(">HH", rows, columns) + stream[at + 9 :]


def _second_header() -> Bomb:
    draft = _draft("JPEG baseline")
    assert draft.fragments is not None
    stream = draft.fragments.pieces[1]
    at = stream.find(b"\xff\xc0")
    end = at + 2 + int.from_bytes(stream[at + 2 : at + 4], "big")
    huge = _with_size(stream[at:end], 60000, 60000)
    draft.fragments.pieces[1] = stream[:end] + huge + stream[end:]
    return _bomb("JPEG baseline", "cannot be decoded|memory", draft.encoded())


def _many_components() -> Bomb:
    draft = _draft("JPEG 2000")
    assert draft.fragments is not None
    stream = draft.fragments.pieces[1]
    at = stream.find(_SIZE)
    size = stream[at + 4 : at + 38] + struct.pack(">H", 16384) + b"\x0b\x01\x01" * 16384
    swollen = stream[: at + 2] + struct.pack(">H", (len(size) + 2) & 0xFFFF) + size
    draft.fragments.pieces[1] = swollen + stream[at + 43 :]
    return _bomb("JPEG 2000", "cannot be decoded|memory", draft.encoded())


def _tiny_tiles() -> Bomb:
    draft = _draft("JPEG 2000")
    assert draft.fragments is not None
    stream = _with_size(draft.fragments.pieces[1], 8000, 8000)
    at = stream.find(_SIZE)
    stream = stream[: at + 22] + struct.pack(">LL", 1, 1) + stream[at + 30 :]
    draft.fragments.pieces[1] = stream
    for tag in (_ROWS, _COLUMNS):
        draft.put(tag, b"US", struct.pack("<H", 8000))
    return _bomb("JPEG 2000", "cannot be decoded|memory|claims", draft.encoded())


def _of_elements() -> dict[str, Callable[[], Bomb]]:
    """Headers without end; the patient comes after what is put in."""

    def before_the_patient(data: Callable[[], bytes], said: str | None) -> Callable[[], Bomb]:
        def make() -> Bomb:
            encoded = _draft("explicit").encoded()
            at = encoded.index(struct.pack("<HH2s", 0x0010, 0x0010, b"PN"))
            return _bomb("explicit", said, encoded[:at] + data() + encoded[at:])

        return make

    def nested(levels: int) -> Callable[[], bytes]:
        head = struct.pack("<HH2sHL", 0x0009, 0x1010, b"SQ", 0, _UNDEFINED)
        return lambda: head + nested_items(levels, levels, Form())

    def long(tag: int, vr: bytes, size: int) -> Callable[[], bytes]:
        head = struct.pack("<HH2sHL", tag >> 16, tag & 0xFFFF, vr, 0, size)
        return lambda: head + bytes(size)

    tiny = struct.pack("<HH2sH", 0x0009, 0x1020, b"LO", 0)
    return {
        "100 levels": before_the_patient(nested(100), None),
        "400 levels": before_the_patient(nested(400), "too deeply"),
        "100,000 levels": before_the_patient(nested(100_000), "too deeply|cannot be read"),
        "200,000 elements": before_the_patient(lambda: tiny * 200_000, None),
        "a private element of 64 MiB": before_the_patient(long(0x00091001, b"OB", 64 << 20), None),
        "a name of 8 MiB": before_the_patient(long(0x000910FF, b"UC", 8 << 20), None),
        "a UID of 8 MiB": before_the_patient(long(0x0008001A, b"UN", 8 << 20), None),
        "an element that never ends": before_the_patient(
            lambda: struct.pack("<HH2sHL", 0x0009, 0x1001, b"OB", 0, _UNDEFINED), "no pixel data"
        ),
    }


def _of_fragments() -> dict[str, Callable[[], Bomb]]:
    """Frames in more pieces, or under more offsets, than there are."""

    def packed(change: Callable[[Draft], None], said: str | None) -> Callable[[], Bomb]:
        def make() -> Bomb:
            draft = _draft("frames with extended offsets")
            change(draft)
            return _bomb("frames with extended offsets", said, draft.encoded())

        return make

    def pieces(*made: bytes) -> Callable[[Draft], None]:
        def change(draft: Draft) -> None:
            assert draft.fragments is not None
            draft.elements = [one for one in draft.elements if one.tag >> 16 != 0x7FE0] + [
                one for one in draft.elements if one.tag == 0x7FE00010
            ]
            draft.fragments.pieces = list(made)

        return change

    def offsets(*numbers: int) -> Callable[[Draft], None]:
        form = f"<{len(numbers)}Q"

        def change(draft: Draft) -> None:
            draft.put(0x7FE00001, b"OV", struct.pack(form, *numbers))
            draft.put(0x7FE00002, b"OV", struct.pack(form, *[1 << 62] * len(numbers)))

        return change

    circle = struct.pack("<4L", 8, 0, 8, 0)
    return {
        "50,000 fragments": packed(pieces(b"", *[b"\xff\xd8"] * 50_000), "decoded"),
        "50,000 empty fragments": packed(pieces(b"", *[b""] * 50_000), "decoded"),
        "a million offsets": packed(pieces(b"\1\0\0\0" * 1_000_000, b"\xff\xd8"), "decoded"),
        "offsets in a circle": packed(pieces(circle, bytes(40)), "decoded"),
        "frames of 4 EiB": packed(offsets(0, 0), None),
    }


def _inflating(data: bytes, said: str) -> Bomb:
    sop_class_uid = next(iter(seeds())).sop_class_uid
    return Bomb(data, said, DeflatedExplicitVRLittleEndian, sop_class_uid)


def _whole(file: bytes, said: str) -> Bomb:
    """Of a bomb that is made as a file: its meta information is as long as (0002,0000) says."""
    end = 144 + int.from_bytes(file[140:144], "little")
    syntax = next(one for one in _SYNTAXES if one.encode() in file[:end])
    return Bomb(file[end:], said, syntax, next(iter(seeds())).sop_class_uid)


_SYNTAXES = (DeflatedExplicitVRLittleEndian, UID("1.2.840.10008.1.2.5"))
_PACKED: dict[str, Callable[[], Bomb]] = {
    "deflated, 1 MiB to 1 GiB": lambda: _whole(deflate_bomb(1024), "memory|did not end"),
    "deflated twice": lambda: _inflating(deflate(_draft("deflated").encoded()), "no pixel|read"),
    "zlib's header": lambda: _inflating(zlib.compress(bytes(1 << 20)), "cannot be read"),
    "gzip's header": lambda: _inflating(gzip.compress(bytes(1 << 20)), "cannot be read"),
    "RLE, 6 MiB to 600 MiB": lambda: _whole(rle_bomb(600), "decoded"),
}
