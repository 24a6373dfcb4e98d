"""Segments of an HL7 v2.5.1 message in ER7, and the check that they make a valid message."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message

VERSION = "2.5.1"
# By number; a sequence repeats. Values are ER7 already.
Fields: TypeAlias = Mapping[int, str | Sequence[str]]
_DELIMITERS = r"^~\&"


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


def valid_message(segments: Sequence[str]) -> str:
    """The segments as one message; raises hl7apy's ValidationError where 2.5.1 forbids it.

    hl7apy's "strict" would also refuse a text over 64 KiB, such as a PDF, and one of its own
    reading over 199 characters; structure, cardinality and data types are checked all the same.
    """
    message = "".join(f"{one}\r" for one in segments)
    parse_message(message, validation_level=VALIDATION_LEVEL.TOLERANT).validate()
    return message
