"""Storage Commitment's two messages (PS3.4 J.3): what is asked about, and what is kept."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as ItemSequence
from pydicom.uid import UID

from dicom_node.header_reading import NotUnderstood, element_value, require_uid

# The one well-known instance of Storage Commitment Push Model, PS3.4 J.3.5.
PUSH_MODEL_INSTANCE = UID("1.2.840.10008.1.20.1.1")
REQUEST_COMMITMENT = 1  # action type, PS3.4 J.3.2.1.2
ALL_KEPT, SOME_FAILED = 1, 2  # event types, PS3.4 J.3.3.1.2

# Failure Reason (0008,1197), PS3.3 C.14.1.1.
PROCESSING_FAILURE = 0x0110
NO_SUCH_INSTANCE = 0x0112
CLASS_INSTANCE_CONFLICT = 0x0119
_REASONS = {
    PROCESSING_FAILURE: "the peer could not look",
    NO_SUCH_INSTANCE: "the peer does not have the object",
    CLASS_INSTANCE_CONFLICT: "the peer has it under another SOP class",
    0x0122: "the peer does not keep objects of this SOP class",
    0x0131: "the peer had a question of the same transaction UID before",
    0x0213: "the peer has no room",
}
_MOST_REFERENCES = 10_000


@dataclass(frozen=True)
class Reference:
    """An object by its SOP class and instance UID."""

    sop_class_uid: str
    sop_instance_uid: str


@dataclass(frozen=True)
class CommitmentAnswer:
    """SOP Instance UIDs that are kept, and those that are not with a reason in words."""

    transaction_uid: str
    kept: frozenset[str]
    failed: Mapping[str, str] = field(default_factory=dict)


def request_message(transaction_uid: str, references: Iterable[Reference]) -> Dataset:
    """Action Information of the N-ACTION, PS3.4 table J.3-1."""
    message = Dataset()
    message.TransactionUID = transaction_uid
    message.ReferencedSOPSequence = [_item(reference) for reference in references]
    return message


def read_request(message: Dataset) -> tuple[str, list[Reference]]:
    """The transaction UID and what is asked about; NotUnderstood where that is not to be read."""
    references = dict.fromkeys(map(_reference, _items(message, "ReferencedSOPSequence")))
    if not references:
        raise NotUnderstood("the request names no object")
    return require_uid(message, "TransactionUID"), list(references)


def answer_message(
    transaction_uid: str, kept: Sequence[Reference], failed: Mapping[Reference, int]
) -> tuple[int, Dataset]:
    """Event type and Event Information of the N-EVENT-REPORT, PS3.4 table J.3-2."""
    message = Dataset()
    message.TransactionUID = transaction_uid
    if kept:
        message.ReferencedSOPSequence = [_item(reference) for reference in kept]
    if not failed:
        return ALL_KEPT, message
    message.FailedSOPSequence = [_failed_item(*pair) for pair in failed.items()]
    return SOME_FAILED, message


def read_answer(message: Dataset) -> CommitmentAnswer:
    """What an N-EVENT-REPORT says; NotUnderstood where that is not to be read."""
    kept = {_reference(item).sop_instance_uid for item in _items(message, "ReferencedSOPSequence")}
    failed = {
        _reference(item).sop_instance_uid: _reason(item)
        for item in _items(message, "FailedSOPSequence")
    }
    return CommitmentAnswer(
        require_uid(message, "TransactionUID"), frozenset(kept - failed.keys()), failed
    )


def _items(message: Dataset, keyword: str) -> Sequence[Dataset]:
    if keyword not in message:
        return ()
    items = element_value(message, keyword)
    if not isinstance(items, ItemSequence):
        raise NotUnderstood(f"{keyword} is no sequence")
    if len(items) > _MOST_REFERENCES:
        raise NotUnderstood(f"more than {_MOST_REFERENCES} objects in one message")
    return list(items)


def _reference(item: Dataset) -> Reference:
    return Reference(
        require_uid(item, "ReferencedSOPClassUID"), require_uid(item, "ReferencedSOPInstanceUID")
    )


def _reason(item: Dataset) -> str:
    code = element_value(item, "FailureReason")
    if not isinstance(code, int):
        return "the peer gives no reason"
    return _REASONS.get(code, f"the peer's reason is 0x{code:04X}")


def _item(reference: Reference) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = reference.sop_class_uid
    item.ReferencedSOPInstanceUID = reference.sop_instance_uid
    return item


def _failed_item(reference: Reference, reason: int) -> Dataset:
    item = _item(reference)
    item.FailureReason = reason
    return item
