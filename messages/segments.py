"""Segments of an HL7 v2.5.1 message in ER7, and the check that they make an ORU^R01."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

VERSION = "2.5.1"
# By number; a sequence repeats. Values are ER7 already.
Fields: TypeAlias = Mapping[int, str | Sequence[str]]
_DELIMITERS = r"^~\&"
# 7.3.1, of the segments that the node sends.
_STRUCTURE = re.compile("MSH( PID)?(( ORC)? OBR( NTE)*( OBX( NTE)*)*)+")
# The fields of each that 2.5.1 requires.
REQUIRED_FIELDS: Mapping[str, Sequence[int]] = {
    "MSH": (2, 7, 9, 10, 11, 12),
    "PID": (3, 5),
    "ORC": (1,),
    "OBR": (4,),
    "NTE": (),
    "OBX": (3, 11),
}


class MessageMalformed(ValueError):
    """The segments are no ORU^R01 of 2.5.1; fields are named, their values never repeated."""


def header(fields: Fields) -> str:
    """MSH: its first field is the bar before its second one."""
    return _joined("MSH", {**fields, 2: _DELIMITERS, 12: VERSION}, first=2)


def segment(name: str, fields: Fields) -> str:
    return _joined(name, fields, first=1)


def notes(texts: Sequence[str]) -> list[str]:
    """NTE segments that remark on what stands before them."""
    return [segment("NTE", {1: str(n), 3: text}) for n, text in enumerate(texts, start=1)]


def _joined(name: str, fields: Fields, first: int) -> str:
    last = max(number for number, value in fields.items() if value)
    values = [_repeated(fields.get(number, "")) for number in range(first, last + 1)]
    return "|".join([name, *values])


def _repeated(value: str | Sequence[str]) -> str:
    return value if isinstance(value, str) else "~".join(value)


def joined_message(segments: Sequence[str]) -> str:
    """The segments as one message; MessageMalformed where one is out of order or lacks a field.

    The data types are the tests' affair: a library that knows them takes longer to read a message
    than all of it takes to make.
    """
    message = "".join(f"{one}\r" for one in segments)
    lines = [_values(line) for line in message.splitlines()]
    if not _STRUCTURE.fullmatch(" ".join(values[0] for values in lines)):
        raise MessageMalformed("its segments are in no order that an ORU^R01 has")
    missing = [field for values in lines for field in _missing(values)]
    if missing:
        raise MessageMalformed(f"it lacks {', '.join(missing)}, which 2.5.1 requires")
    return message


def _values(line: str) -> list[str]:
    """The segment's name, and each field at its number; MSH-1 is the bar itself."""
    name, *values = line.split("|")
    return [name, "|", *values] if name == "MSH" else [name, *values]


def _missing(values: Sequence[str]) -> Iterator[str]:
    name = values[0]
    required = set(REQUIRED_FIELDS[name])
    if name == "OBX" and any(values[5:6]):
        required.add(2)  # 7.4.2.2: what has a value has a type
    yield from (f"{name}-{n}" for n in sorted(required) if not any(values[n : n + 1]))
