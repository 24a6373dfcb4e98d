"""Any text comes back as it was, on one line, from a reader that is not ours."""

from datetime import UTC, datetime, timedelta, timezone

import hl7
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from messages.er7 import components, escape, study_timestamp, timestamp

_HEADER = "MSH|^~\\&|A|B|C|D|20260304||ORU^R01^ORU_R01|1|P|2.5.1"


def _read_back(text: str) -> str:
    """What python-hl7 takes for the third component of a field."""
    message = hl7.parse(f"{_HEADER}\rZZZ|x|{components('first', 'second', text, 'last')}|y\r")
    segment = message.segment("ZZZ")
    assert len(segment) == 4
    assert [str(part) for part in segment[2][0][-1:]] == ["last"]
    return str(message.unescape(str(segment[2][0][2])))


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"])))
@example("a|b^c&d~e\\f")
@example("\\F\\ and \\.br\\ are not ours")
@example("\\\\")
@settings(max_examples=200, deadline=None)
def test_text_comes_back_as_it_was(text: str) -> None:
    expected = text.strip()
    assert _read_back(text) == ("" if expected == '""' else expected)


@pytest.mark.parametrize("mark", ["\r", "\n", "\r\n", "\x0b", "\x1c\r", "\0", "\x85", "\u2028"])
def test_nothing_ends_a_line_or_a_block(mark: str) -> None:
    assert _read_back(f"one{mark}two") == "one two"


def test_no_text_tells_the_receiver_to_delete() -> None:
    assert escape('""') == ""


def test_components_end_with_the_last_that_says_something() -> None:
    assert components("a", "", "b", "", "") == "a^^b"


def test_a_time_carries_its_zone() -> None:
    india = timezone(timedelta(hours=5, minutes=30))
    assert timestamp(datetime(2026, 3, 4, 15, 6, 7, 8, india)) == "20260304150607+0530"
    assert timestamp(datetime(2026, 3, 4, tzinfo=UTC)) == "20260304000000+0000"


@pytest.mark.parametrize(
    ("date", "time", "offset", "written"),
    [
        ("20260304", "101500.25", "+0100", "20260304101500+0100"),
        ("2026.03.04", "10:15:00", "", "20260304101500"),
        ("20260304", "1015", "-0330", "202603041015-0330"),
        ("20260304", "10", "+0100", "202603041000+0100"),
        ("20260304", "", "+0100", "20260304"),
        ("20260304", "noon", "noon", "20260304"),
        ("", "1015", "+0100", ""),
        ("20261399", "1015", "", ""),
    ],
)
def test_a_study_time_is_as_precise_as_it_was(
    date: str, time: str, offset: str, written: str
) -> None:
    assert study_timestamp(date, time, offset) == written
