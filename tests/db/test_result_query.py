"""What is asked for is what the view says, in pages that leave nothing out and repeat nothing."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine

from db.periods import BadMoment, first_moment, moment_after
from db.result_formats import csv_line, json_line
from db.result_query import (
    RESULT_COLUMNS,
    RESULT_STATES,
    ResultCursor,
    ResultQuery,
    every_result,
    read_results,
)
from db.results import image_results
from db.session import reading
from db.worklist import BadCursor
from tests.db.ledger import FRACTURE, NO_FRACTURE, analyse, receive, received, withdraw
from tests.db.results import date_instance, tell_story

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def story(ledger: Engine) -> Engine:
    tell_story(ledger)
    return ledger


def found(ledger: Engine, **asked: Any) -> list[dict[str, Any]]:
    return list(every_result(ledger, ResultQuery(**asked)))


def uids(rows: list[dict[str, Any]]) -> list[str]:
    return [row["sop_instance_uid"] for row in rows]


def test_every_row_is_the_views_with_its_sender(story: Engine) -> None:
    with reading(story) as session:
        view = image_results(session)
    rows = found(story)
    assert tuple(rows[0]) == RESULT_COLUMNS
    assert [row["source_ae_title"] for row in rows] == ["PACS"] * (len(rows) - 1) + ["DX_WARD"]
    for row in rows:
        del row["source_ae_title"]
    assert sorted(rows, key=str) == sorted(view, key=str)
    assert [row["received_at"] for row in rows] == sorted(row["received_at"] for row in rows)


def test_each_state_is_found_as_the_view_calls_it(story: Engine) -> None:
    everything = found(story)
    for state in RESULT_STATES:
        expected = [row for row in everything if row["state"] == state]
        assert found(story, state=state) == expected, state
    met = {row["state"] for row in everything}
    assert met == {*RESULT_STATES} - {"possible"}
    assert found(story, state="no such state") == []


def test_what_narrows_narrows(story: Engine) -> None:
    assert uids(found(story, source_ae_title="DX_WARD")) == ["8.8.8.1.1"]
    assert uids(found(story, region="wrist")) == ["1.2.3.1.1", "1.2.3.1.2"]
    assert uids(found(story, region="wrist", state="fracture")) == ["1.2.3.1.1"]
    assert uids(found(story, study_instance_uid="4.5.6")) == ["4.5.6.1.1", "4.5.6.1.2"]
    assert uids(found(story, modality="DX")) == ["8.8.8.1.1"]
    assert uids(found(story, model_version="1.0")) == ["1.2.3.1.1", "1.2.3.1.2"]
    assert found(story, region="nose") == found(story, source_ae_title="%") == []


def test_the_answer_that_counts_is_asked_for(ledger: Engine) -> None:
    receive(ledger, received(1))
    analyse(ledger, FRACTURE)
    withdraw(ledger, "1.0")
    analyse(ledger, replace(NO_FRACTURE, model_version="2.0", region="hand"))
    for asked in ({"state": "fracture"}, {"region": "wrist"}, {"model_version": "1.0"}):
        assert found(ledger, **asked) == [], asked
    for asked in ({"state": "none"}, {"region": "hand"}, {"model_version": "2.0"}):
        assert uids(found(ledger, **asked)) == ["1.2.3.1.1"], asked


def test_a_day_is_one_of_the_hospitals_clocks(ledger: Engine) -> None:
    receive(ledger, *(received(number) for number in range(1, 5)))
    # In Berlin: the last second of June, the first and the last of July's first day, the next.
    moments = ("21:59:59", "22:00:00", "21:59:59.999", "22:00:00")
    days = ("2026-06-30", "2026-06-30", "2026-07-01", "2026-07-01")
    for number, (day, moment) in enumerate(zip(days, moments, strict=True), 1):
        date_instance(ledger, f"1.2.3.1.{number}", f"{day}T{moment}+00:00")
    since, until = first_moment("2026-07-01", BERLIN), moment_after("2026-07-01", BERLIN)
    rows = found(ledger, received_from=since, received_until=until)
    assert uids(rows) == ["1.2.3.1.2", "1.2.3.1.3"]


def test_pages_leave_nothing_out_while_rows_are_added(ledger: Engine) -> None:
    receive(ledger, *(received(number) for number in range(1, 6)))
    date_instance(ledger, "1.2.3.1.2", "2026-01-01T00:00:00Z")
    date_instance(ledger, "1.2.3.1.3", "2026-01-01T00:00:00Z")
    seen: list[str] = []
    after, more, late = None, True, 5
    while more:
        with reading(ledger) as session:
            page = read_results(session, ResultQuery(after=after, limit=2))
        seen += uids(page.rows)
        assert len(seen) < 20, "the same rows again and again"
        after, more = page.last, page.has_after
        if late < 8:
            late += 1
            receive(ledger, received(late))
    assert seen == [f"1.2.3.1.{number}" for number in (2, 3, 1, 4, 5, 6, 7, 8)]


def test_pages_go_back_the_way_they_came(ledger: Engine) -> None:
    receive(ledger, *(received(number) for number in range(1, 8)))
    for newest_first in (False, True):
        pages = []
        query = ResultQuery(newest_first=newest_first, limit=3)
        with reading(ledger) as session:
            pages.append(read_results(session, query))
            while pages[-1].has_after:
                query = ResultQuery(newest_first=newest_first, limit=3, after=pages[-1].last)
                pages.append(read_results(session, query))
            assert [len(page.rows) for page in pages] == [3, 3, 1]
            assert [page.has_before for page in pages] == [False, True, True]
            query = ResultQuery(newest_first=newest_first, limit=3, before=pages[2].first)
            back = read_results(session, query)
        assert back.rows == pages[1].rows
        assert back.has_before


def test_of_many_there_are_as_many_as_one_wants(ledger: Engine) -> None:
    receive(ledger, *(received(number) for number in range(1, 6)))
    query = ResultQuery()
    assert [len(list(every_result(ledger, query, at_most=most))) for most in (1, 4, 9)] == [1, 4, 5]


@pytest.mark.parametrize(
    "text",
    [
        *("", "7", "2026-07-01_7", "2026-07-01T00:00:00Z_x", "a_b_c"),
        *("2026-07-01T00:00:00Z_9223372036854775808", "0001-01-01T00:00:00+14:00_7"),
    ],
)
def test_a_place_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(BadCursor):
        ResultCursor.parse(text)


def test_a_place_is_read_as_it_was_written() -> None:
    place = ResultCursor(datetime(2026, 7, 1, 12, 30, 0, 123456, tzinfo=UTC), 7)
    assert ResultCursor.parse(str(place)) == place


@pytest.mark.parametrize(
    ("written", "first", "after"),
    [
        ("2026-07-01", "2026-06-30T22:00:00+00:00", "2026-07-01T22:00:00+00:00"),
        ("2026-10-25", "2026-10-24T22:00:00+00:00", "2026-10-25T23:00:00+00:00"),  # 25 hours
        ("2026-07-01T12:00:00Z", "2026-07-01T12:00:00+00:00", "2026-07-01T12:00:00+00:00"),
        ("2026-07-01T12:00", "2026-07-01T10:00:00+00:00", "2026-07-01T10:00:00+00:00"),
    ],
)
def test_days_and_moments(written: str, first: str, after: str) -> None:
    assert first_moment(written, BERLIN) == datetime.fromisoformat(first)
    assert moment_after(written, BERLIN) == datetime.fromisoformat(after)


@pytest.mark.parametrize(
    "written", ["yesterday", "2026-02-30", "2026-07-01T25:00", "1" * 5000, "٢٠٢٦-٠٧-٠١"]
)
def test_what_is_no_day_is_refused(written: str) -> None:
    for read in (first_moment, moment_after):
        with pytest.raises(BadMoment, match="write a day as 2026-07-01"):
            read(written, BERLIN)


@pytest.mark.parametrize("written", ["0001-01-01", "9999-12-31", "9999-12-31T23:59:59-12:00"])
def test_the_ends_of_time_are_moments(written: str) -> None:
    assert first_moment(written, BERLIN) <= moment_after(written, BERLIN)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@A1", "\t=1", "\r=1", "\n=1", "＝1"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert csv_line([text]).strip('"').startswith("'")


def test_cells_and_documents_say_the_same() -> None:
    moment = datetime(2026, 7, 1, 12, tzinfo=UTC)
    assert csv_line([moment, None, True, [{"x": 1}]]) == (
        '2026-07-01T12:00:00Z,,True,"[{""x"": 1}]"\r\n'
    )
    assert json_line({"at": moment, "name": "Ä"}) == '{"at": "2026-07-01T12:00:00Z", "name": "Ä"}\n'
