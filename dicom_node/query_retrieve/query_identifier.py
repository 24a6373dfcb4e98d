"""What a peer asks for: the Identifier of a C-FIND, C-MOVE or C-GET, read within bounds."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any

from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from dicom_node.header_reading import UNREADABLE, is_uid
from dicom_node.query_retrieve.query_keys import KeyNotUnderstood, Matcher, is_universal, matcher_of

_IDENTIFIER_MAX_BYTES = 1 << 18
_KEYS_MAX = 1000
_VALUES_MAX = 5000
_COMMENT_MAX_CHARACTERS = 64  # PS3.7 E.1: LO
# In an identifier, yet nothing that is matched (PS3.4 C.4.1.1.3.1).
_NO_KEYS = frozenset(
    {"SpecificCharacterSet", "QueryRetrieveLevel", "TimezoneOffsetFromUTC", "QueryRetrieveView"}
)


class QueryStatus(IntEnum):
    """Statuses of C-FIND (PS3.4 C.4.1.1.4), C-MOVE (C.4.2.1.5) and C-GET (C.4.3.1.4)."""

    SUCCESS = 0x0000
    OUT_OF_RESOURCES = 0xA700  # too many matches, or the ledger is away
    MATCHES_UNCOUNTED = 0xA701  # the same before a retrieval
    NOTHING_SENT = 0xA702  # unable to perform sub-operations
    MOVE_DESTINATION_UNKNOWN = 0xA801
    IDENTIFIER_MISMATCH = 0xA900  # the identifier does not fit the information model
    SENT_IN_PART = 0xB000  # sub-operations complete, one or more failures or warnings
    UNABLE_TO_PROCESS = 0xC000
    CANCELLED = 0xFE00
    PENDING = 0xFF00
    PENDING_IN_PART = 0xFF01  # the match is supplied, an optional key was not supported


class Refusal(Exception):
    """The question gets no answer but a status, with a reason that holds no patient's values."""

    def __init__(self, status: QueryStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Level(StrEnum):
    """The levels of the Study Root model, which is the only one answered."""

    STUDY = "STUDY"
    SERIES = "SERIES"
    IMAGE = "IMAGE"


UNIQUE_KEYS: Mapping[Level, str] = {
    Level.STUDY: "StudyInstanceUID",
    Level.SERIES: "SeriesInstanceUID",
    Level.IMAGE: "SOPInstanceUID",
}


@dataclass(frozen=True)
class Key:
    """One attribute of the identifier with its values as text; none asks for the value only."""

    vr: str
    values: tuple[str, ...]

    @property
    def is_universal(self) -> bool:
        return is_universal(self.vr, self.values)


@dataclass(frozen=True)
class Identifier:
    """Level and supported keys by keyword; `is_complete`: there were no others."""

    level: Level
    keys: Mapping[str, Key]
    is_complete: bool

    def uids(self, level: Level) -> tuple[str, ...]:
        """The values of the unique key of a level."""
        key = self.keys.get(UNIQUE_KEYS[level])
        return key.values if key is not None else ()

    def matchers(self) -> dict[str, Matcher]:
        """The keys that ask for certain values, ready to compare."""
        return {
            keyword: _matcher(keyword, key)
            for keyword, key in self.keys.items()
            if not key.is_universal
        }


def refusal_of_mismatch(reason: str) -> Refusal:
    return Refusal(QueryStatus.IDENTIFIER_MISMATCH, reason)


def status_of(status: QueryStatus, reason: str = "") -> Dataset:
    """What the peer is told; the reason goes to its log as Error Comment."""
    answer = Dataset()
    answer.Status = int(status)
    if reason:
        answer.ErrorComment = reason[:_COMMENT_MAX_CHARACTERS]
    return answer


def read_identifier(event: Any, supported: Mapping[Level, Collection[str]]) -> Identifier:
    """The identifier of the request, with those keys that are supported at its level.

    Refusal where it is none for the Study Root model: relational queries are not supported, each
    level above needs its one UID (PS3.4 C.4.1.2.1).
    """
    identifier = _read(event)
    level = _level(identifier)
    keywords = {tag: keyword_for_tag(tag) for tag in identifier.keys()}  # noqa: SIM118
    keys = {
        keyword: _read_key(identifier, keyword)
        for keyword in keywords.values()
        if keyword in supported[level]
    }
    _check_unique_keys(level, keys)
    others = {tag: word for tag, word in keywords.items() if word not in keys}
    is_complete = all(word in _NO_KEYS or tag.element == 0 for tag, word in others.items())
    return Identifier(level, keys, is_complete)


def require_unique_key(identifier: Identifier) -> None:
    """A retrieval names what it wants: the UIDs of its own level too (PS3.4 C.4.2.1.4)."""
    if not identifier.uids(identifier.level):
        raise refusal_of_mismatch(f"{UNIQUE_KEYS[identifier.level]} is missing")


def _read(event: Any) -> Dataset:
    encoded = event.request.Identifier
    if encoded is None:
        raise refusal_of_mismatch("there is no identifier")
    if len(encoded.getbuffer()) > _IDENTIFIER_MAX_BYTES:
        raise refusal_of_mismatch("the identifier is too long")
    identifier = _guarded("the identifier cannot be read", lambda: event.identifier)
    if len(identifier) > _KEYS_MAX:
        raise refusal_of_mismatch("the identifier has too many keys")
    return identifier


def _guarded(reason: str, read: Callable[[], Any]) -> Any:
    try:
        return read()
    except UNREADABLE as error:
        raise refusal_of_mismatch(reason) from error


def _level(identifier: Dataset) -> Level:
    value = _guarded(
        "QueryRetrieveLevel cannot be read", lambda: identifier.get("QueryRetrieveLevel")
    )
    try:
        return Level(str(value or "").strip())
    except ValueError as error:
        raise refusal_of_mismatch("QueryRetrieveLevel must be STUDY, SERIES or IMAGE") from error


def _read_key(identifier: Dataset, keyword: str) -> Key:
    raw = identifier.get_item(keyword)
    if isinstance(raw, RawDataElement) and len(raw.value or b"") < raw.length:
        raise refusal_of_mismatch(f"{keyword} is cut off")
    value = _guarded(f"{keyword} cannot be read", lambda: identifier[keyword].value)
    values = list(value) if isinstance(value, MultiValue | list) else [value]
    if len(values) > _VALUES_MAX:
        raise refusal_of_mismatch(f"{keyword} has too many values")
    texts = _guarded(f"{keyword} cannot be read", lambda: tuple(map(_as_text, values)))
    # The dictionary's VR, whatever the peer calls it.
    return Key(dictionary_VR(keyword), tuple(text for text in texts if text))


def _as_text(value: Any) -> str:
    if isinstance(value, bytes | Dataset):
        raise ValueError("a key is text or a number")
    return "" if value is None else str(value).rstrip("\0 ")


def _check_unique_keys(level: Level, keys: Mapping[str, Key]) -> None:
    for other, keyword in UNIQUE_KEYS.items():
        uids = keys[keyword].values if keyword in keys else ()
        if not all(is_uid(uid) for uid in uids):
            raise refusal_of_mismatch(f"{keyword} is no UID")
        if other == level:
            return
        if len(uids) != 1:
            raise refusal_of_mismatch(f"{keyword} must be one UID at the level {level}")


def _matcher(keyword: str, key: Key) -> Matcher:
    try:
        return matcher_of(key.vr, key.values)
    except KeyNotUnderstood as error:
        raise refusal_of_mismatch(f"{keyword}: {error}") from error
