"""C-FIND, C-MOVE and C-GET statuses (PS3.4 C.4, PS3.7 C) in plain words, and whom to ask next."""

from dicom_node.peer import Destination, PeerRefused, PeerTrouble, PeerUnavailable

SUCCESS = 0x0000
SOME_FAILED = 0xB000  # the sub-operations are over, and one or more of them failed
PENDING = (0xFF00, 0xFF01)  # the latter: it ignores some of the keys
CANCELLED = 0xFE00
TOO_MUCH = 0xA700
_PROCESSING_FAILURE = 0x0110

_MEANINGS = {
    _PROCESSING_FAILURE: "it failed while processing the request",
    0x0122: "it does not support this kind of request",
    0x0124: "it does not allow us to ask; give {calling} the right to query and retrieve there",
    TOO_MUCH: "it is out of resources, or more matches than it is willing to give; ask for less",
    0xA701: "it is out of resources and cannot count the matches",
    0xA702: "it could not send; our log says what we refused, and C-MOVE needs our listener",
    0xA801: "it does not know where {calling} is; add our AE title there with our host and port",
    0xA900: "it finds that the request does not fit the information model",
    CANCELLED: "it broke the answer off: perhaps it gives so many matches and no more",
}


def trouble(destination: Destination, status: int | None, calling: str) -> PeerTrouble:
    """What to raise on a final status that is no success; None: there was no answer."""
    if status is None:
        return PeerUnavailable(
            f"{destination} broke off, or did not answer in time; its log says why: "
            f"may {calling} query and retrieve there?"
        )
    sentence = f"{destination} answers: {describe_query_status(status, calling)}"
    later = status == _PROCESSING_FAILURE or status & 0xFF00 == 0xA700
    return (PeerUnavailable if later else PeerRefused)(sentence, status)


def describe_query_status(status: int, calling: str) -> str:
    """A peer's status in words, with its code; `calling` is our AE title."""
    words = _MEANINGS.get(status)
    if words is None:
        words = "it cannot process the request" if status >> 12 == 0xC else "no defined meaning"
    return f"{words.format(calling=calling)} (status 0x{status:04X})"
