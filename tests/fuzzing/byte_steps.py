"""Steps that change a mutant's bytes and know nothing of DICOM."""

import gzip
import zlib
from collections.abc import Callable
from random import Random

from tests.fuzzing.draft import deflate

ByteStep = Callable[[Random, bytes], bytes]


def flip_bits(chance: Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 8, 64))):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def set_bytes(chance: Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 4, 16))):
        changed[chance.randrange(len(changed))] = chance.choice((0, 0xFF, 0x7F, 0x80, 0x20))
    return bytes(changed)


def cut(chance: Random, data: bytes) -> bytes:
    return data[: chance.randrange(len(data))]


def take_out(chance: Random, data: bytes) -> bytes:
    start = chance.randrange(len(data))
    return data[:start] + data[start + chance.choice((1, 2, 4, 32, 500)) :]


def put_in(chance: Random, data: bytes) -> bytes:
    start = chance.randrange(len(data))
    return data[:start] + chance.randbytes(chance.choice((1, 2, 4, 32, 500))) + data[start:]


def repeat_chunk(chance: Random, data: bytes) -> bytes:
    start = chance.randrange(len(data))
    chunk = data[start : start + chance.choice((1, 8, 64, 1000))]
    return data[:start] + chunk * chance.choice((2, 10, 100)) + data[start:]


def splice(chance: Random, data: bytes) -> bytes:
    """The end of one part of it behind the beginning of another."""
    return data[: chance.randrange(len(data))] + data[chance.randrange(len(data)) :]


def squeeze(chance: Random, data: bytes) -> bytes:
    """As raw deflate, zlib, or gzip: whatever the transfer syntax says."""
    kind = chance.choice((deflate, zlib.compress, lambda one: gzip.compress(one, mtime=0)))
    return kind(data)


BYTE_STEPS: tuple[ByteStep, ...] = (
    flip_bits,
    flip_bits,
    set_bytes,
    cut,
    take_out,
    put_in,
    repeat_chunk,
    splice,
    squeeze,
)
