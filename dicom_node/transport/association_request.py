"""What can be told of an A-ASSOCIATE-RQ (PS3.8 9.3.2) without decoding it, and how to decline."""

import struct
from typing import NamedTuple

_HEADER = struct.Struct(">BBL")
_A_ASSOCIATE_RQ = 0x01
_TITLES = slice(10, 42)  # called and calling AE title, 16 characters each
# 128 contexts with each 40 transfer syntaxes are some 150 KB.
_REQUEST_MAX_BYTES = 256 << 10

# PS3.8 9.3.4: rejected for now, by the provider for its presentation, local limit exceeded.
NO_PLACE_LEFT = bytes.fromhex("03000000000400020302")
# PS3.8 9.3.8, and 9.2.3 AA-1: what came is not what an association begins with.
UNEXPECTED = bytes.fromhex("07000000000400000202")


class NoRequest(Exception):
    """What came is not the beginning of an A-ASSOCIATE-RQ."""


class Titles(NamedTuple):
    called: str
    calling: str


def is_whole(received: bytes | bytearray) -> bool:
    """Whether all of the request is there; raises NoRequest."""
    if received and received[0] != _A_ASSOCIATE_RQ:
        raise NoRequest("no association request")
    if len(received) < _HEADER.size:
        return False
    length: int = _HEADER.unpack_from(received)[2]
    if length > _REQUEST_MAX_BYTES:
        raise NoRequest("an association request that is too long")
    return len(received) >= _HEADER.size + length


def titles_of(received: bytes | bytearray) -> Titles:
    """The AE titles of a whole request; empty where it has none."""
    titles = bytes(received[_TITLES]).decode("latin-1")
    return Titles(titles[:16].strip(), titles[16:].strip())
