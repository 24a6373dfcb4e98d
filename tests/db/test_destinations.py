"""A destination that fails rests, is then tried by one job, and catches up when it answers."""

import pytest
from sqlalchemy import Engine, update

from db.clock import database_now
from db.destinations import (
    DOWN_AFTER_FAILURES,
    DestinationState,
    destination_states,
    note_answer,
    note_failure,
    open_lanes,
    register_destination,
)
from db.jobs import JobKind, Lane, add_job, claim_job, offer_due_jobs
from db.session import reading, transaction
from db.tables import Destination, Job
from tests.db.ledger import rows

LONGEST_REST_SECONDS = 300
JITTER = 0.2
DELIVER, CONFIRM = JobKind.DELIVER, JobKind.CONFIRM
# Where nothing depends on the kind of database that another test does not ask of both.
on_sqlite = pytest.mark.parametrize("ledger_url", ["sqlite"], indirect=True)


@pytest.fixture
def ledger(ledger: Engine) -> Engine:
    with transaction(ledger) as session:
        register_destination(session, "PACS")
        register_destination(session, "PACS")
        register_destination(session, "ARCHIVE")
    return ledger


def fail(ledger: Engine, times: int = 1) -> None:
    for number in range(times):
        with transaction(ledger) as session:
            note_failure(session, "PACS", f"failure {number}")


def answer(ledger: Engine, name: str = "PACS") -> None:
    with transaction(ledger) as session:
        note_answer(session, name)


def wake(ledger: Engine) -> None:
    with transaction(ledger) as session:
        session.execute(update(Destination).values(rests_until=database_now()))


def lanes(ledger: Engine, kind: JobKind = DELIVER) -> dict[str | None, int]:
    """How many jobs may be under way, by destination."""
    with reading(ledger) as session:
        found = open_lanes(session, kind)
    assert all(lane.kind is kind for lane, _ in found)
    return {lane.name: window for lane, window in found}


def state(ledger: Engine) -> DestinationState:
    with reading(ledger) as session:
        archive, pacs = destination_states(session)
    assert (archive.name, archive.state, archive.failures) == ("ARCHIVE", "up", 0)
    return pacs


def add_waiting_jobs(ledger: Engine) -> None:
    """Due in an hour: two deliveries and a confirmation for PACS, one delivery for ARCHIVE."""
    with transaction(ledger) as session:
        for subject_id, kind, lane in (
            (1, DELIVER, "PACS"),
            (2, DELIVER, "PACS"),
            (1, CONFIRM, "PACS"),
            (3, DELIVER, "ARCHIVE"),
        ):
            add_job(session, kind, subject_id, lane=lane)
        session.execute(update(Job).values(next_attempt_at=database_now(3600)))


def due_lanes(ledger: Engine) -> list[tuple[JobKind, str | None]]:
    return [
        (job.kind, job.lane)
        for job in rows(ledger, Job)
        if (job.next_attempt_at - job.created_at).total_seconds() < 60
    ]


@on_sqlite
def test_each_failure_in_a_row_makes_the_rest_longer_up_to_a_limit(ledger: Engine) -> None:
    for failures, seconds in ((1, 2), (2, 4), (3, 8)):
        fail(ledger)
        now = state(ledger)
        assert now.failures == failures
        assert now.rests_until is not None
        assert now.failed_at is not None
        rest = (now.rests_until - now.failed_at).total_seconds()
        assert rest == pytest.approx(seconds, rel=JITTER, abs=0.1)
    with transaction(ledger) as session:
        session.execute(update(Destination).where(Destination.name == "PACS").values(failures=40))
    fail(ledger)
    now = state(ledger)
    assert now.rests_until is not None
    assert now.failed_at is not None
    rest = (now.rests_until - now.failed_at).total_seconds()
    assert rest == pytest.approx(LONGEST_REST_SECONDS, rel=JITTER, abs=0.1)


def test_one_that_rests_has_no_lane_and_then_one_for_a_single_job(ledger: Engine) -> None:
    assert lanes(ledger) == {"ARCHIVE": 2, "PACS": 2}
    fail(ledger)
    assert lanes(ledger) == lanes(ledger, CONFIRM) == {"ARCHIVE": 2}
    wake(ledger)
    assert lanes(ledger) == {"ARCHIVE": 2, "PACS": 1}
    answer(ledger)
    assert lanes(ledger) == {"ARCHIVE": 2, "PACS": 2}


def test_a_lane_counts_what_is_under_way_in_it_alone(ledger: Engine) -> None:
    add_waiting_jobs(ledger)
    with transaction(ledger) as session:
        session.execute(update(Job).values(next_attempt_at=database_now()))
        assert claim_job(session, 1, lease_seconds=60)
    with transaction(ledger) as session:
        offers = {
            name: offer_due_jobs(session, Lane(DELIVER, name), window=1, offer_seconds=30)
            for name in ("PACS", "ARCHIVE")
        }
        more = offer_due_jobs(session, Lane(DELIVER, "PACS"), window=2, offer_seconds=30)
    assert offers == {"PACS": [], "ARCHIVE": [4]}
    assert more == [2]


@on_sqlite
def test_its_state_in_words(ledger: Engine) -> None:
    add_waiting_jobs(ledger)
    assert (state(ledger).state, state(ledger).waiting) == ("up", 2)
    fail(ledger, DOWN_AFTER_FAILURES - 1)
    assert state(ledger).state == "failing"
    fail(ledger)
    down = state(ledger)
    assert (down.state, down.last_error, down.answered_at) == ("down", "failure 0", None)
    answer(ledger)
    up = state(ledger)
    assert (up.state, up.failures, up.rests_until) == ("up", 0, None)
    assert up.answered_at is not None
    assert up.failed_at == down.failed_at


def test_when_one_that_was_down_answers_its_deliveries_go_at_once(ledger: Engine) -> None:
    add_waiting_jobs(ledger)
    fail(ledger, DOWN_AFTER_FAILURES - 1)
    answer(ledger)
    assert due_lanes(ledger) == []  # it was never down: each job waits its own time
    fail(ledger, DOWN_AFTER_FAILURES)
    answer(ledger)
    # What waits for an answer to a question, perhaps until tomorrow, is none of them.
    assert due_lanes(ledger) == [(DELIVER, "PACS"), (DELIVER, "PACS")]


@on_sqlite
def test_one_that_nobody_registered_is_not_noted(ledger: Engine) -> None:
    with transaction(ledger) as session:
        note_failure(session, "NOBODY", "away")
    answer(ledger, "NOBODY")
    assert [one.name for one in rows(ledger, Destination)] == ["PACS", "ARCHIVE"]
