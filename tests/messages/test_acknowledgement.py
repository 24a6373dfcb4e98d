"""The error condition is found wherever a version of HL7 puts it, and decides what is next."""

import pytest

from messages.acknowledgement import (
    AcknowledgementUnreadable,
    Verdict,
    control_id_of,
    read_acknowledgement,
)
from tests.messages.messages_made import ordinary_message
from tests.messages.receivers import acknowledgement

CONDITIONS = {
    "ERR-3 of 2.5": ("MSA|AE|X1", "ERR||PID^1^3|207^Application internal error^HL70357|E"),
    "ERR-1 before 2.5": ("MSA|AE|X1", "ERR|PID^1^3^207&Application internal error&HL70357"),
    "MSA-6": ("MSA|AE|X1|text|||207^Application internal error",),
    "AR": ("MSA|AR|X1", "ERR|||207"),
    "locked": ("MSA|AE|X1", "ERR|||206"),
}


@pytest.mark.parametrize("segments", CONDITIONS.values(), ids=CONDITIONS.keys())
def test_trouble_that_passes_is_tried_again(segments: tuple[str, ...]) -> None:
    answer = read_acknowledgement(acknowledgement(*segments), "X1")
    assert answer.condition in {206, 207}
    assert answer.verdict is Verdict.TRY_AGAIN


@pytest.mark.parametrize("code", ["AE", "AR", "CE", "CR"])
@pytest.mark.parametrize("error", ["ERR|||101^Required field missing", "ERR|||4711^Own", "ERR|"])
def test_all_else_is_for_a_person(code: str, error: str) -> None:
    answer = read_acknowledgement(acknowledgement(f"MSA|{code}|X1", error), "X1")
    assert answer.verdict is Verdict.ASK_A_PERSON


def test_words_of_the_receiver_are_not_repeated() -> None:
    error = "ERR|Müller^Jürgen^PID-1^4711|PID-1|4711^Müller|E||||patient Müller unknown"
    answer = read_acknowledgement(acknowledgement("MSA|AE|X1|Müller unknown", error), "X1")
    assert answer.words == "AE (error)"


def test_an_accepted_message_is_accepted_in_spite_of_a_remark() -> None:
    answer = read_acknowledgement(acknowledgement("MSA|AA|X1", "ERR|||207|W"), "X1")
    assert answer.verdict is Verdict.ACCEPTED


@pytest.mark.parametrize("ending", ["\r", "\n", "\r\n"])
def test_segments_may_end_as_the_receiver_likes(ending: str) -> None:
    content = acknowledgement("MSA|AA|X1").replace(b"\r", ending.encode())
    assert read_acknowledgement(content, "X1").code == "AA"


def test_another_separator_is_understood() -> None:
    content = acknowledgement("MSA|AA|X1").replace(b"|", b"!")
    assert read_acknowledgement(content, "X1").code == "AA"


def test_an_acknowledgement_of_another_message_is_none() -> None:
    with pytest.raises(AcknowledgementUnreadable, match="another message"):
        read_acknowledgement(acknowledgement("MSA|AA|X12"), "X1")


def test_the_control_id_is_read_from_the_message_sent() -> None:
    assert control_id_of(ordinary_message().encoded) == ordinary_message().control_id
