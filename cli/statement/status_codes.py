"""Which statuses the node answers, and what it does about a peer's."""

from collections.abc import Mapping
from typing import Any

from cli.statement.markdown import table
from dicom_node.commitment import messages
from dicom_node.commitment import service as commitment
from dicom_node.peer import Destination, PeerRefused
from dicom_node.query_retrieve.query_identifier import QueryStatus
from dicom_node.query_retrieve.query_statuses import describe_query_status, trouble
from dicom_node.statuses import StoreStatus, Verdict, describe, verdict_on

_HEADINGS = ("Status", "Meaning", "When")
STORE_ANSWERS: Mapping[StoreStatus, tuple[str, str]] = {
    StoreStatus.SUCCESS: (
        "Success",
        "the object and its row in the ledger are on disk, both synced. Also for an object that is "
        "here already: the same bytes change nothing, others under a known SOP Instance UID are "
        "kept apart for a person and never analysed. Also for an object whose study names another "
        "Patient ID than before: it is kept, and the study waits for a person",
    ),
    StoreStatus.OUT_OF_RESOURCES: (
        "Refused: Out of Resources",
        "the disk is at its reserve, full or cannot be written, the object is larger than "
        "`object_max_bytes`, or the database is away",
    ),
    StoreStatus.DATA_SET_MISMATCH: (
        "Error: Data Set does not match SOP Class",
        "presentation context, command and data set name different SOP classes or instances",
    ),
    StoreStatus.NOT_UNDERSTOOD: (
        "Error: Cannot understand",
        "no data set, a header that cannot be read within its bounds, or one of SOP Class, SOP "
        "Instance, Study Instance and Series Instance UID is missing or no UID",
    ),
    StoreStatus.PROCESSING_FAILURE: (
        "Processing failure",
        "an error that nobody foresaw; the object is not recorded",
    ),
}
FIND_ANSWERS: Mapping[QueryStatus, tuple[str, str]] = {
    QueryStatus.PENDING: ("Pending", "a match, all keys supported"),
    QueryStatus.PENDING_IN_PART: (
        "Pending, with warning",
        "a match; the identifier has keys that are not supported and were passed over",
    ),
    QueryStatus.SUCCESS: ("Success", "there are no more matches"),
    QueryStatus.CANCELLED: ("Cancel", "a C-CANCEL came, looked for before each match"),
    QueryStatus.OUT_OF_RESOURCES: (
        "Refused: Out of Resources",
        "more than 1000 matches (those sent until then are good), or the database is away",
    ),
    QueryStatus.IDENTIFIER_MISMATCH: (
        "Error: Identifier does not match SOP Class",
        "no or an unknown Query/Retrieve Level, a unique key of a level above missing, several or "
        "no UID, a value that has not the form of its VR, or an identifier that is too long",
    ),
    QueryStatus.UNABLE_TO_PROCESS: ("Failed: Unable to process", "an error that nobody foresaw"),
}
RETRIEVE_ANSWERS: Mapping[QueryStatus, tuple[str, str]] = {
    QueryStatus.PENDING: ("Pending", "after each sub-operation but the last, with the counts"),
    QueryStatus.SUCCESS: (
        "Success",
        "every object was stored; also where nothing has the UIDs that were named",
    ),
    QueryStatus.SENT_IN_PART: (
        "Warning",
        "some sub-operations failed or brought a warning; Failed SOP Instance UID List names "
        "those that failed",
    ),
    QueryStatus.CANCELLED: (
        "Cancel",
        "a C-CANCEL came, looked for before each sub-operation; what remains is counted",
    ),
    QueryStatus.NOTHING_SENT: (
        "Refused: Out of Resources - Unable to perform sub-operations",
        "every sub-operation failed, or the move destination does not answer",
    ),
    QueryStatus.MATCHES_UNCOUNTED: (
        "Refused: Out of Resources - Unable to calculate number of matches",
        "more than 10 000 objects are asked for, or the database is away; nothing is sent",
    ),
    QueryStatus.MOVE_DESTINATION_UNKNOWN: (
        "Refused: Move Destination unknown",
        "C-MOVE only: the AE title is none of the destinations and peers with host and port",
    ),
    QueryStatus.IDENTIFIER_MISMATCH: (
        "Error: Identifier does not match SOP Class",
        "as for C-FIND, or the unique key of the level asked for is missing",
    ),
    QueryStatus.UNABLE_TO_PROCESS: ("Failed: Unable to process", "an error that nobody foresaw"),
}
COMMITMENT_ANSWERS: Mapping[int, tuple[str, str]] = {
    commitment.SUCCESS: ("Success", "the message is in the ledger, synced"),
    commitment.PROCESSING_FAILURE: ("Processing failure", "the database is away"),
    commitment.NO_SUCH_SOP_INSTANCE: (
        "No such SOP Instance",
        "N-ACTION only: Requested SOP Instance UID is not 1.2.840.10008.1.20.1.1",
    ),
    commitment.NO_SUCH_EVENT_TYPE: (
        "No such event type",
        "N-EVENT-REPORT only: the Event Type is neither 1 nor 2",
    ),
    commitment.INVALID_ARGUMENT: (
        "Invalid argument value",
        "the message cannot be read or names more than 10 000 objects; to an N-EVENT-REPORT also "
        "where the node asked no question of that Transaction UID, to an N-ACTION where the peer "
        "asked about other objects under it",
    ),
    commitment.NO_SUCH_SOP_CLASS: (
        "No such SOP Class",
        "N-ACTION only: Requested SOP Class UID is not that of Storage Commitment Push Model",
    ),
    commitment.NO_SUCH_ACTION: ("No such action", "N-ACTION only: the Action Type is not 1"),
    commitment.NOT_AUTHORISED: (
        "Not authorised",
        "N-ACTION only: host and port of the calling AE title are not configured, so that it "
        "could not be answered",
    ),
}
_FAILURE_REASONS = {
    messages.NO_SUCH_INSTANCE: "the node has no such object, or its file is gone",
    messages.CLASS_INSTANCE_CONFLICT: "it has it under another SOP class",
    messages.PROCESSING_FAILURE: (
        "its file cannot be read, or is not what was received, by its SHA-256"
    ),
}
# 0000 needs no words; the general warnings and failures of PS3.7 C besides those of PS3.4 B.2.3.
_STORE_RESPONSES = (0x0001, 0x0107, 0x0116, *sorted(set(StoreStatus) - {StoreStatus.SUCCESS}))
_REACTIONS = {
    Verdict.STORED: "stored",
    Verdict.STORED_WITH_WARNING: "stored; the remark is recorded with the delivery",
    Verdict.TRY_AGAIN: "tried again, at growing intervals, for as long as it takes",
    Verdict.ASK_A_PERSON: "given up until a person requeues it; other objects go on",
}
QUERY_RESPONSES = (
    0x0110,
    0x0122,
    0x0124,
    0xA700,
    0xA701,
    0xA702,
    0xA801,
    0xA900,
    0xC000,
    0xFE00,
)


def answers(meanings: Mapping[Any, tuple[str, str]]) -> str:
    """By status, be it a number or a name for one."""
    return table(_HEADINGS, [(_hex(status), *words) for status, words in meanings.items()])


def failure_reasons() -> str:
    rows = [(_hex(reason), words) for reason, words in _FAILURE_REASONS.items()]
    return table(("Failure Reason", "When"), rows)


def store_responses() -> str:
    """What the C-STORE SCU does; a range is shown by its first status."""
    rows = [
        (_hex(one), _words(describe(one)), _REACTIONS[verdict_on(one)]) for one in _STORE_RESPONSES
    ]
    rows.insert(0, (_hex(StoreStatus.SUCCESS), "stored", _REACTIONS[Verdict.STORED]))
    rows.append(("any other", "no defined meaning", _REACTIONS[verdict_on(0x0FFF)]))
    rows.append(("no answer", "", _REACTIONS[Verdict.TRY_AGAIN]))
    return table(("Status", "Understood as", "What happens"), rows)


def query_responses() -> str:
    """What the C-FIND, C-MOVE and C-GET SCU makes of a final status that is no success."""
    rows = [
        (_hex(one), _words(describe_query_status(one, "OSTEON")), _query_reaction(one))
        for one in QUERY_RESPONSES
    ]
    return table(("Status", "Told to the operator as", "Exit code"), rows)


def _words(told: str) -> str:
    return told.partition(" (status ")[0]


def _query_reaction(status: int) -> str:
    refused = isinstance(trouble(Destination("PEER", "host", 104), status, "OSTEON"), PeerRefused)
    return "61, refused" if refused else "60, may be tried again"


def _hex(status: int) -> str:
    return f"{status:04X}"
