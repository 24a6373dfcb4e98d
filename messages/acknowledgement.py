"""Reading an HL7 v2 acknowledgement: accepted, try again, or a person looks."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

# Table 0357. A receiver's own words and codes are never repeated: they may quote the patient.
_CONDITIONS = {
    100: "segment sequence error",
    101: "required field missing",
    102: "data type error",
    103: "table value not found",
    200: "unsupported message type",
    201: "unsupported event code",
    202: "unsupported processing ID",
    203: "unsupported version ID",
    204: "unknown key identifier",
    205: "duplicate key identifier",
    206: "application record locked",
    207: "application internal error",
}
_PASSING = {206, 207}
# Table 0008
_ACCEPTED = {"AA", "CA"}
_CODES = {
    "AA": "accepted",
    "CA": "accepted",
    "AE": "error",
    "CE": "error",
    "AR": "rejected",
    "CR": "rejected",
}


class AcknowledgementUnreadable(ValueError):
    """What came back is no acknowledgement of the message sent."""


class Verdict(Enum):
    """What to do next."""

    ACCEPTED = "accepted"
    TRY_AGAIN = "try again"
    ASK_A_PERSON = "ask a person"


@dataclass(frozen=True)
class Acknowledgement:
    """MSA-1, and the error condition of table 0357 where the receiver gave one."""

    code: str
    control_id: str
    condition: int | None = None

    @property
    def verdict(self) -> Verdict:
        """Only trouble that the receiver itself calls passing is worth another try.

        By 2.9.2 AE is about the content, and AR about the kind of message or a receiver in
        trouble; receivers use either for anything. What does not say that it passes is shown to a
        person, lest a message be offered for ever to somebody who will not have it.
        """
        if self.code in _ACCEPTED:
            return Verdict.ACCEPTED
        return Verdict.TRY_AGAIN if self.condition in _PASSING else Verdict.ASK_A_PERSON

    @property
    def words(self) -> str:
        """The answer in the standard's words."""
        said = f"{self.code} ({_CODES[self.code]})"
        if self.condition is None:
            return said
        return f"{said}, {self.condition} {_CONDITIONS[self.condition]}"


def read_acknowledgement(content: bytes, control_id: str) -> Acknowledgement:
    """The acknowledgement that a block holds; it must be of the message with this control ID."""
    segments = _fields_by_segment(content)
    code = _field(segments.get("MSA", ()), 1).upper()
    if "MSH" not in segments or code not in _CODES:
        raise AcknowledgementUnreadable("its answer has no acknowledgement code")
    if _field(segments["MSA"], 2) != control_id:
        raise AcknowledgementUnreadable("its answer acknowledges another message")
    return Acknowledgement(code, control_id, _condition(segments))


def control_id_of(message: bytes) -> str:
    """MSH-10; MSH-1 is the separator itself, so it stands one place earlier."""
    return _field(_fields_by_segment(message.split(b"\r", 1)[0])["MSH"], 9)


def _fields_by_segment(content: bytes) -> dict[str, Sequence[str]]:
    """The first segment of each name; receivers end segments as they like."""
    lines = content.decode("utf-8", "replace").lstrip().splitlines()
    separator = lines[0][3:4] if lines and lines[0].startswith("MSH") else ""
    found: dict[str, Sequence[str]] = {}
    for line in lines if separator else ():
        fields = line.split(separator)
        found.setdefault(fields[0].strip(), fields)
    return found


def _field(fields: Sequence[str], number: int) -> str:
    return fields[number].strip() if len(fields) > number else ""


def _condition(segments: dict[str, Sequence[str]]) -> int | None:
    """Table 0357 in ERR-3, before 2.5 in ERR-1's fourth component, or in MSA-6."""
    error = segments.get("ERR", ())
    located = f"{_field(error, 1)}^^^".split("^")[3]
    candidates = (_field(error, 3), located, _field(segments["MSA"], 6))
    for candidate in candidates:
        plain = candidate.replace("&", "^").split("^")[0].strip()
        if plain.isdecimal() and int(plain) in _CONDITIONS:
            return int(plain)
    return None
