"""Times, durations and UIDs as a person reads them."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from web import words

BERLIN = ZoneInfo("Europe/Berlin")
TAKEN_AT = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)  # half past midnight in Berlin


@pytest.mark.parametrize(
    ("moment", "told"),
    [
        (datetime(2026, 7, 1, 22, 29, 58, tzinfo=UTC), "00:29:58"),
        (datetime(2026, 7, 1, 21, 59, 0, tzinfo=UTC), "2026-07-01 23:59"),
    ],
)
def test_a_time_has_its_date_unless_it_is_today_in_the_hospital(
    moment: datetime, told: str
) -> None:
    assert words.clock(moment, TAKEN_AT, BERLIN) == told


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(-0.2, "0 s"), (7.6, "8 s"), (99, "99 s"), (100, "2 min"), (3600, "60 min"), (7200, "2 h")],
)
def test_a_duration_is_said_in_one_unit(seconds: float, told: str) -> None:
    assert words.duration(seconds) == told


@pytest.mark.parametrize(
    ("uid", "told"), [("1.2.3", "1.2.3"), ("1.2.840.10008.1234", "…0.10008.1234")]
)
def test_a_long_uid_is_told_by_its_end(uid: str, told: str) -> None:
    assert words.shortened_uid(uid) == told
