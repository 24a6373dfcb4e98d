"""Storage Commitment's two messages: read as they were written, refused where they are wrong."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pynetdicom.dsutils import decode, encode

from dicom_node.commitment.messages import (
    ALL_KEPT,
    CLASS_INSTANCE_CONFLICT,
    NO_SUCH_INSTANCE,
    PROCESSING_FAILURE,
    SOME_FAILED,
    CommitmentAnswer,
    Reference,
    answer_message,
    read_answer,
    read_request,
    request_message,
)
from dicom_node.header_reading import NotUnderstood

CR, SR = "1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.5.1.4.1.1.88.34"
ONE, OTHER, THIRD = Reference(CR, "1.2.1"), Reference(SR, "1.2.2"), Reference(CR, "1.2.3")
TRANSACTION = "2.25.7"
FAILED = "FailedSOPSequence"
REFERENCED = "ReferencedSOPSequence"
Change = Callable[[Dataset], None]
MOST = 10_000


def travelled(message: Dataset, *, implicit: bool = False) -> Dataset:
    """The message as it is read at the other end."""
    data = encode(message, implicit, True)
    assert data is not None
    return decode(BytesIO(data), implicit, True)


def request(*references: Reference) -> Dataset:
    return request_message(TRANSACTION, references or (ONE, OTHER))


def answer() -> Dataset:
    _, message = answer_message(TRANSACTION, [ONE], {OTHER: NO_SUCH_INSTANCE})
    return message


@pytest.mark.parametrize("implicit", [True, False])
def test_both_messages_are_read_as_they_were_written(implicit: bool) -> None:
    asked = travelled(request(), implicit=implicit)
    assert read_request(asked) == (TRANSACTION, [ONE, OTHER])
    reasons = {OTHER: NO_SUCH_INSTANCE, THIRD: CLASS_INSTANCE_CONFLICT}
    event_type, told = answer_message(TRANSACTION, [ONE], reasons)
    assert event_type == SOME_FAILED
    assert read_answer(travelled(told, implicit=implicit)) == CommitmentAnswer(
        TRANSACTION,
        frozenset({ONE.sop_instance_uid}),
        {
            OTHER.sop_instance_uid: "the peer does not have the object",
            THIRD.sop_instance_uid: "the peer has it under another SOP class",
        },
    )


def test_an_answer_has_only_the_sequences_that_the_standard_has_for_it() -> None:
    event_type, all_kept = answer_message(TRANSACTION, [ONE], {})
    assert event_type == ALL_KEPT
    assert FAILED not in all_kept
    event_type, none_kept = answer_message(TRANSACTION, [], {ONE: PROCESSING_FAILURE})
    assert event_type == SOME_FAILED
    assert REFERENCED not in none_kept
    [item] = none_kept.FailedSOPSequence
    assert (item.FailureReason, item["FailureReason"].VR) == (PROCESSING_FAILURE, "US")
    assert read_answer(none_kept).kept == frozenset()


def test_what_is_asked_about_twice_is_asked_about_once() -> None:
    assert read_request(request(ONE, OTHER, ONE)) == (TRANSACTION, [ONE, OTHER])


def test_what_is_both_kept_and_failed_is_not_kept() -> None:
    _, message = answer_message(TRANSACTION, [ONE, OTHER], {ONE: NO_SUCH_INSTANCE})
    assert read_answer(message).kept == {OTHER.sop_instance_uid}


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (PROCESSING_FAILURE, "the peer could not look"),
        (0x0213, "the peer has no room"),
        (0xA700, "the peer's reason is 0xA700"),
        ([1, 2], "the peer gives no reason"),
        (None, "the peer gives no reason"),
    ],
)
def test_a_reason_in_words(reason: Any, words: str) -> None:
    message = answer()
    message.FailedSOPSequence[0].FailureReason = reason
    assert read_answer(travelled(message)).failed == {OTHER.sop_instance_uid: words}


def _replace(keyword: str, vr: str, value: object) -> Change:
    def change(message: Dataset) -> None:
        message[keyword] = DataElement(keyword, vr, value)

    return change


def _in_item(keyword: str, value: object, sequence: str = REFERENCED) -> Change:
    def change(message: Dataset) -> None:
        item = message[sequence][0]
        if value is None:
            delattr(item, keyword)
        else:
            setattr(item, keyword, value)

    return change


def _without(keyword: str) -> Change:
    return lambda message: delattr(message, keyword)


WRONG: dict[str, Change] = {
    "no transaction UID": _without("TransactionUID"),
    "an empty transaction UID": _replace("TransactionUID", "UI", ""),
    "a transaction UID that is none": _replace("TransactionUID", "UI", "1.2;DROP"),
    "a transaction UID that is too long": _replace("TransactionUID", "UI", "1." + "2" * 64),
    "two transaction UIDs": _replace("TransactionUID", "UI", ["1.2", "1.3"]),
    "text for the sequence": _replace(REFERENCED, "LO", "Meier^Hans"),
    "texts for the sequence": _replace(REFERENCED, "LO", ["Meier", "Hans"]),
    "a number for the sequence": _replace(REFERENCED, "US", 7),
    "nothing for the sequence": _replace(REFERENCED, "US", None),
    "an item without an instance": _in_item("ReferencedSOPInstanceUID", None),
    "an item without a class": _in_item("ReferencedSOPClassUID", None),
    "an item whose instance is no UID": _in_item("ReferencedSOPInstanceUID", "1.2.x"),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_message_is_refused_in_either_direction(wrong: str) -> None:
    for message, read in ((request(), read_request), (answer(), read_answer)):
        WRONG[wrong](message)
        for arrived in (message, travelled(message)):
            with pytest.raises(NotUnderstood):
                read(arrived)


@pytest.mark.parametrize("change", [_without(REFERENCED), _replace(REFERENCED, "SQ", [])])
def test_a_question_about_nothing_is_refused(change: Change) -> None:
    message = request()
    change(message)
    with pytest.raises(NotUnderstood, match="names no object"):
        read_request(travelled(message))


@pytest.mark.filterwarnings("ignore")
def test_failures_that_cannot_be_read_make_no_answer_of_what_is_kept() -> None:
    for change in (
        _replace(FAILED, "US", 7),
        _in_item("ReferencedSOPInstanceUID", "x", sequence=FAILED),
    ):
        message = answer()
        change(message)
        with pytest.raises(NotUnderstood):
            read_answer(message)


def test_a_sequence_that_is_cut_off_is_refused() -> None:
    data = encode(answer(), True, True)
    assert data is not None
    # In Event Information FailedSOPSequence (0008,1198) comes before ReferencedSOPSequence.
    start = data.index(b"\x08\x00\x99\x11")
    with pytest.raises(NotUnderstood):
        read_answer(decode(BytesIO(data[: start + 20]), True, True))


def test_so_many_objects_and_no_more() -> None:
    references = [Reference(CR, f"1.2.{number}") for number in range(MOST + 1)]
    message = request(*references)
    failures = Dataset()
    failures.TransactionUID = TRANSACTION
    failures.FailedSOPSequence = message.ReferencedSOPSequence
    for read, too_long in (
        (read_request, message),
        (read_answer, message),
        (read_answer, failures),
    ):
        with pytest.raises(NotUnderstood, match="more than 10000"):
            read(too_long)
    del message.ReferencedSOPSequence[-1]
    assert read_request(message) == (TRANSACTION, references[:-1])
