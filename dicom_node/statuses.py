"""C-STORE statuses by name (PS3.4 B.2.3, PS3.7 C): what we answer and what an answer means."""

from enum import Enum, IntEnum, auto


class StoreStatus(IntEnum):
    SUCCESS = 0x0000  # the object is durable: file and ledger row
    PROCESSING_FAILURE = 0x0110  # something went wrong that nobody foresaw
    DUPLICATE_SOP_INSTANCE = 0x0111  # the peer has it already
    SOP_CLASS_NOT_SUPPORTED = 0x0122
    NOT_AUTHORISED = 0x0124
    OUT_OF_RESOURCES = 0xA700  # disk full, ledger away: the sender tries again later
    DATA_SET_MISMATCH = 0xA900  # command and data set disagree about what the object is
    COERCED = 0xB000
    ELEMENTS_DISCARDED = 0xB006
    CLASS_MISMATCH_ACCEPTED = 0xB007
    NOT_UNDERSTOOD = 0xC000


class Verdict(Enum):
    """What a sender does after an answer."""

    STORED = auto()
    STORED_WITH_WARNING = auto()
    TRY_AGAIN = auto()
    ASK_A_PERSON = auto()


_GENERAL_WARNINGS = (0x0001, 0x0107, 0x0116, StoreStatus.DUPLICATE_SOP_INSTANCE)


def verdict_on(status: int) -> Verdict:
    """The verdict on a peer's C-STORE status; a status nobody defined is for a person."""
    if status == StoreStatus.SUCCESS:
        return Verdict.STORED
    if status in _GENERAL_WARNINGS or status & 0xF000 == StoreStatus.COERCED:
        return Verdict.STORED_WITH_WARNING
    if status == StoreStatus.PROCESSING_FAILURE or status & 0xFF00 == StoreStatus.OUT_OF_RESOURCES:
        return Verdict.TRY_AGAIN
    return Verdict.ASK_A_PERSON


_MEANINGS: dict[int, str] = {
    StoreStatus.PROCESSING_FAILURE: "it failed while processing the object",
    StoreStatus.DUPLICATE_SOP_INSTANCE: "it has the object already",
    StoreStatus.SOP_CLASS_NOT_SUPPORTED: "it does not support this SOP class",
    StoreStatus.NOT_AUTHORISED: "it does not allow us to store",
    StoreStatus.COERCED: "it changed elements of the object",
    StoreStatus.ELEMENTS_DISCARDED: "it discarded elements of the object",
    StoreStatus.CLASS_MISMATCH_ACCEPTED: "it kept the object but finds it unlike its SOP class",
}
_MEANINGS_OF_RANGES: dict[int, str] = {
    0xA700: "it is out of resources",
    0xA900: "it finds the object unlike its SOP class",
}


def describe(status: int) -> str:
    """A peer's status in words, with its code."""
    words = _MEANINGS.get(status) or _MEANINGS_OF_RANGES.get(status & 0xFF00)
    if words is None:
        words = "it cannot understand the object" if status >> 12 == 0xC else "no defined meaning"
    return f"{words} (status 0x{status:04X})"
