"""The worklist says what `result_study` says, in any order, whoever changed the ledger."""

from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

import pytest
from sqlalchemy import Engine, event, func, insert, select, text, update

from db.commitments import (
    ask_for_proof,
    finish_confirmation,
    load_confirmation,
    record_answer,
    save_request,
    wait_for_answer,
)
from db.intake import close_association, record_instance
from db.job_list import requeue_jobs
from db.jobs import JobKind, bury_job
from db.priorities import Priority
from db.results import study_results
from db.session import open_ledger, reading, transaction
from db.states import Opinion
from db.study_view import neighbours_of
from db.tables import Study, Verdict, WorklistStale
from db.worklist import (
    BadCursor,
    Cursor,
    Order,
    WorklistQuery,
    WorklistRow,
    read_worklist,
    worklist_sources,
)
from db.worklist_refresh import refresh_worklist, searchable, worklist_version
from tests.db.ledger import (
    FRACTURE,
    NO_FRACTURE,
    analyse,
    associate,
    claim,
    confirm,
    deliver,
    receive,
    received,
    report,
    settle,
    withdraw,
)

EVERYTHING = WorklistQuery()


def rows_of(engine: Engine, query: WorklistQuery = EVERYTHING) -> list[WorklistRow]:
    """The worklist after everything that was noted has been looked at."""
    while refresh_worklist(engine):
        pass
    with reading(engine) as session:
        return read_worklist(session, query).rows


def assert_current(engine: Engine) -> None:
    """Each entry is what the view says of its study."""
    with reading(engine) as session:
        told = {row["study_instance_uid"]: row for row in study_results(session)}
    shown = {row.study_instance_uid: row for row in rows_of(engine, WorklistQuery(limit=500))}
    assert shown.keys() == told.keys()
    common = {field.name for field in fields(WorklistRow)} & next(iter(told.values())).keys()
    assert {"state", "finding", "probability", "reason", "delivered_at"} <= common
    for uid, row in shown.items():
        assert {name: getattr(row, name) for name in common} == {
            name: told[uid][name] for name in common
        }


Change = Callable[[Engine], object]


def _leave_association_open(engine: Engine) -> None:
    associate(engine, "association-2")
    with transaction(engine) as session:
        record_instance(session, received(9, study="1.2.9", association_id="association-2"))


def _close(engine: Engine) -> None:
    with transaction(engine) as session:
        close_association(session, "association-2")


def _give_up(engine: Engine) -> None:
    given_up = claim(engine, JobKind.REPORT)
    with transaction(engine) as session:
        bury_job(session, given_up, error="the spool is away")


def _requeue(engine: Engine) -> None:
    with transaction(engine) as session:
        dead = session.scalars(text("SELECT id FROM job WHERE state = 'dead'")).all()
        assert requeue_jobs(session, dead) == len(dead) > 0


def _block(engine: Engine) -> None:
    receive(engine, received(7, patient_id="another"))


def _keep_apart(engine: Engine) -> None:
    receive(engine, received(1, sha256="other bytes"))


# The story of a study, a change of every kind in it: after each the worklist is current.
STORY: tuple[tuple[str, Change], ...] = (
    ("received", lambda engine: receive(engine, received(1), received(2))),
    ("kept apart", _keep_apart),
    ("analysed", lambda engine: analyse(engine, FRACTURE, NO_FRACTURE)),
    ("still arriving", _leave_association_open),
    ("association closed", _close),
    ("reported", lambda engine: report(engine, "PACS")),
    ("delivered", deliver),
    ("committed", confirm),
    ("later image", lambda engine: receive(engine, received(3))),
    ("its analysis", lambda engine: analyse(engine, NO_FRACTURE)),
    ("withdrawn", lambda engine: withdraw(engine, "1.0")),
    ("blocked", _block),
)


def test_after_each_change_of_a_study_the_worklist_is_current(ledger: Engine) -> None:
    for _name, change in STORY:
        change(ledger)
        assert_current(ledger)


def test_a_job_that_is_given_up_and_requeued_is_seen(ledger: Engine) -> None:
    receive(ledger, received(1))
    analyse(ledger, FRACTURE)
    settle(ledger)
    _give_up(ledger)
    assert [(row.state, row.reason) for row in rows_of(ledger)] == [("failed", "the spool is away")]
    _requeue(ledger)
    assert_current(ledger)
    assert rows_of(ledger)[0].state == "reporting"


def test_a_claim_notes_nothing(ledger: Engine) -> None:
    receive(ledger, received(1))
    rows_of(ledger)
    claim(ledger, JobKind.ANALYSE)
    with reading(ledger) as session:
        assert session.scalar(select(func.count()).select_from(WorklistStale)) == 0


def test_a_verdict_makes_a_study_read(ledger: Engine) -> None:
    receive(ledger, received(1))
    analyse(ledger, FRACTURE)
    (unread,) = rows_of(ledger)
    with transaction(ledger) as session:
        session.add(Verdict(study_id=unread.study_id, reader="r", opinion=Opinion.AGREE))
    (read,) = rows_of(ledger)
    assert (unread.opinion, read.opinion) == (None, "agree")
    assert read.urgency < unread.urgency


def test_who_judges_the_urgent_goes_on_with_what_is_left(many: Engine) -> None:
    """A judged study goes down the list; what was narrowed away is no neighbour."""
    urgent = WorklistQuery(order=Order.URGENT, finding="fracture")
    first, second, third = rows_of(many, urgent)
    for judged, left in ((first, second), (second, third)):
        with transaction(many) as session:
            session.add(Verdict(study_id=judged.study_id, reader="r", opinion=Opinion.AGREE))
        rows_of(many)
        with reading(many) as session:
            after = neighbours_of(session, judged.study_id, urgent).after
        assert after == left.study_instance_uid
    oldest = WorklistQuery(order=Order.OLDEST, finding="fracture")
    with reading(many) as session:
        around = neighbours_of(session, second.study_id, oldest)
    assert {around.before, around.after} <= {first.study_instance_uid, third.study_instance_uid}


@pytest.fixture
def many(ledger: Engine) -> Engine:
    """Twelve studies: three fractures, three whole, six not yet looked at, of two senders."""
    associate(ledger)
    for number in range(12):
        with transaction(ledger) as session:
            instance = received(
                1,
                study=f"1.2.{number:02}",
                patient_name=f"Müller^Anna{number}" if number % 2 else "김^희중",
                accession_number=f"A{number:02}%_",
                priority=Priority.STAT if number == 7 else Priority.NORMAL,
            )
            record_instance(session, instance)
            moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=number // 2)
            found = session.scalars(select(Study).order_by(Study.id.desc())).first()
            assert found is not None
            found.received_at = moment
    with transaction(ledger) as session:
        close_association(session, "association-1")
    analyse(ledger, *[FRACTURE, NO_FRACTURE] * 3)
    return ledger


def test_pages_follow_one_another_without_gap_in_either_direction(many: Engine) -> None:
    for order in Order:
        whole = [row.study_id for row in rows_of(many, WorklistQuery(order=order, limit=500))]
        assert len(whole) == 12
        forwards, query = [], WorklistQuery(order=order, limit=5)
        while True:
            with reading(many) as session:
                page = read_worklist(session, query)
            forwards.append([row.study_id for row in page.rows])
            if not page.has_after:
                break
            cursor = Cursor.parse(str(page.rows[-1].cursor))
            query = WorklistQuery(order=order, limit=5, after=cursor)
        assert list(chain.from_iterable(forwards)) == whole
        with reading(many) as session:
            before = WorklistQuery(order=order, limit=5, before=page.rows[0].cursor)
            back = read_worklist(session, before)
        assert [row.study_id for row in back.rows] == forwards[-2]
        assert back.has_before and back.has_after


def test_the_urgent_come_first_then_the_gravest(many: Engine) -> None:
    rows = rows_of(many, WorklistQuery(order=Order.URGENT))
    assert rows[0].study_instance_uid == "1.2.07"
    assert [row.finding for row in rows[1:4]] == ["fracture"] * 3
    assert [row.finding for row in rows[-3:]] == ["none"] * 3


NARROWINGS: tuple[tuple[dict[str, Any], int], ...] = (
    ({"finding": "fracture"}, 3),
    ({"state": "analysing"}, 6),
    ({"region": "wrist"}, 6),
    ({"source_ae_title": "PACS"}, 12),
    ({"source_ae_title": "OTHER"}, 0),
    ({"search": "muller anna1"}, 2),
    ({"search": "MÜLLER anna11"}, 1),
    ({"search": "희중"}, 6),
    ({"search": "A03%_"}, 1),
    ({"search": "%"}, 12),
    ({"search": "_nna"}, 0),
    ({"since": datetime(2026, 1, 1, 4, tzinfo=UTC)}, 4),
)


def test_what_is_asked_for_is_found(many: Engine) -> None:
    found = {
        str(narrowing): len(rows_of(many, WorklistQuery(**narrowing)))
        for narrowing, _count in NARROWINGS
    }
    assert found == {str(narrowing): count for narrowing, count in NARROWINGS}


def test_senders_are_listed_once(many: Engine) -> None:
    rows_of(many)
    with reading(many) as session:
        assert worklist_sources(session) == ["PACS"]


def test_what_was_read_before_another_window_wrote_is_read_again(
    ledger: Engine, ledger_url: str
) -> None:
    if ledger.dialect.name == "postgresql":
        pytest.skip("one window at a time, by a lock")
    receive(ledger, received(1))
    slow = open_ledger(ledger_url)
    connections: list[object] = []

    def overtake(connection: object, *_: object) -> None:
        """Between the slow window's reading and its writing."""
        connections.append(connection)
        if len(connections) == 2:
            analyse(ledger, FRACTURE)
            rows_of(ledger)

    event.listen(slow, "checkout", overtake)
    assert refresh_worklist(slow) == 0
    slow.dispose()
    assert_current(ledger)


def test_a_change_that_is_committed_after_a_later_one_is_seen(ledger: Engine) -> None:
    if ledger.dialect.name == "sqlite":
        pytest.skip("one writer at a time: notes are numbered as they are committed")
    receive(ledger, received(1))
    (row,) = rows_of(ledger)
    with transaction(ledger) as late:
        late.execute(update(Study).values(blocked_reason="two patients"))
        with transaction(ledger) as session:
            session.add(Verdict(study_id=row.study_id, reader="r", opinion=Opinion.AGREE))
        assert rows_of(ledger)[0].opinion == "agree"
    assert_current(ledger)
    assert rows_of(ledger)[0].state == "blocked"


def test_each_batch_is_news(ledger: Engine) -> None:
    """The older notes too, which come after the newer ones."""
    receive(ledger, received(1), received(1, study="1.2.4"))
    newer, older = (row.study_id for row in rows_of(ledger))
    with transaction(ledger) as session:
        noted = [{"study_id": study_id} for study_id in [older, *[newer] * 1000]]
        session.execute(insert(WorklistStale), noted)
        versions = [worklist_version(session)]
    while refresh_worklist(ledger):
        with reading(ledger) as session:
            versions.append(worklist_version(session))
    assert versions == [versions[0], versions[0] + 1, versions[0] + 2]


def test_what_a_job_met_is_not_said_once_it_is_done(ledger: Engine) -> None:
    receive(ledger, received(1))
    analyse(ledger, FRACTURE)
    report(ledger, "PACS")
    deliver(ledger)
    with transaction(ledger) as session:
        ask_for_proof(session, 1, "PACS")
    asking = claim(ledger, JobKind.CONFIRM)
    with transaction(ledger) as session:
        order = load_confirmation(session, 1)
        save_request(session, asking, "2.25.1")
        wait_for_answer(session, asking, order, seconds=0)
    with transaction(ledger) as session:
        assert record_answer(session, "2.25.1", {one.sop_instance_uid for one in order.objects}, {})
    (waiting,) = rows_of(ledger)
    assert (waiting.state, waiting.reason) == ("committed", "waits for the commitment")
    asking = claim(ledger, JobKind.CONFIRM)
    with transaction(ledger) as session:
        finish_confirmation(session, asking, load_confirmation(session, 1))
    assert_current(ledger)
    assert rows_of(ledger)[0].reason is None


@pytest.mark.parametrize(
    "cursor",
    [
        *("", "1", "a_b_c", "1_2026-01-01_3", "1_2026-01-01T00:00:00Z_x"),
        *("1_2026-01-01T00:00:00Z_9223372036854775808", "1_0001-01-01T00:00:00+14:00_3"),
    ],
)
def test_a_place_that_is_none_is_refused(cursor: str) -> None:
    with pytest.raises(BadCursor):
        Cursor.parse(cursor)


def test_all_that_was_noted_of_a_study_is_done_with_at_once(ledger: Engine) -> None:
    receive(ledger, *(received(1, study=f"1.2.{number}") for number in range(101)))
    with reading(ledger) as session:
        notes = session.scalar(select(func.count()).select_from(WorklistStale)) or 0
    first, second = refresh_worklist(ledger), refresh_worklist(ledger)
    assert first > 200 and first + second == notes
    assert_current(ledger)


def test_text_is_searched_without_case_and_accents() -> None:
    assert searchable("Müller^ÉLAN ß") == "muller^elan ss"
