"""No message is made that 2.5.1 forbids, and none is held back that it allows."""

from collections.abc import Sequence

import pytest
from hl7apy import load_reference

from messages.segments import (
    REQUIRED_FIELDS,
    VERSION,
    MessageMalformed,
    header,
    joined_message,
    segment,
)

START = header({3: "OSTEON", 7: "20260304", 9: "ORU^R01^ORU_R01", 10: "1", 11: "P"})
PATIENT = segment("PID", {3: "P-1", 5: "^^^^^^U"})
ORDER = segment("ORC", {1: "RE"})
REQUEST = segment("OBR", {4: "43468-8"})
RESULT = segment("OBX", {2: "NM", 3: "111012", 5: "93.7", 11: "P"})
NOTE = segment("NTE", {3: "AI RESULT - NOT VERIFIED"})


@pytest.mark.parametrize("name", REQUIRED_FIELDS)
def test_the_fields_required_are_those_of_hl7apys_tables(name: str) -> None:
    fields = load_reference(name, "Segment", VERSION)[1]
    needed = {int(field.removeprefix(f"{name}_")) for field, _, (least, _), _ in fields if least}
    # MSH-1 is the bar itself.
    assert set(REQUIRED_FIELDS[name]) == needed - ({1} if name == "MSH" else set())


@pytest.mark.parametrize(
    "segments",
    [
        [START, REQUEST],
        [START, PATIENT, ORDER, REQUEST, NOTE, NOTE, RESULT, NOTE, RESULT],
        [START, REQUEST, segment("OBX", {3: "72704001", 11: "X"})],
    ],
)
def test_what_the_structure_allows_is_joined(segments: Sequence[str]) -> None:
    assert joined_message(segments).split("\r") == [*segments, ""]


@pytest.mark.parametrize(
    "segments",
    [
        [START],
        [START, PATIENT, ORDER, RESULT],
        [START, ORDER, REQUEST, PATIENT],
        [START, PATIENT, PATIENT, REQUEST],
        [START, NOTE, REQUEST],
        [REQUEST, RESULT],
        [START, REQUEST, "MSA|AA"],
        [START, REQUEST, f"{RESULT}\nMüller"],
    ],
)
def test_segments_out_of_order_make_no_message(segments: Sequence[str]) -> None:
    with pytest.raises(MessageMalformed, match="order") as refusal:
        joined_message(segments)
    assert "Müller" not in str(refusal.value)


@pytest.mark.parametrize(
    ("segments", "lacking"),
    [
        ([START, segment("OBR", {1: "1"})], "OBR-4"),
        ([START, segment("PID", {3: "P-1"}), REQUEST], "PID-5"),
        ([START.replace("|P|", "||"), REQUEST], "MSH-11"),
        ([START, REQUEST, segment("OBX", {3: "111012", 5: "93.7", 11: "P"})], "OBX-2"),
        ([START, REQUEST, segment("OBX", {2: "NM"})], "OBX-3, OBX-11"),
    ],
)
def test_a_segment_without_what_it_needs_makes_no_message(
    segments: Sequence[str], lacking: str
) -> None:
    with pytest.raises(MessageMalformed, match=f"lacks {lacking},"):
        joined_message(segments)
