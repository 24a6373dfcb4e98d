"""Peers' questions what we keep: each written down once, looked up, answered under a fence."""

import pytest
from sqlalchemy import Engine, update

from db.clock import database_now
from db.intake import Intake
from db.job_list import list_jobs
from db.jobs import ClaimLost, JobKind, JobState, Lane, claim_job, offer_due_jobs
from db.peer_requests import (
    HeldInstance,
    OpenRequest,
    OtherQuestion,
    answer_lanes,
    find_held,
    load_peer_request,
    mark_answered,
    put_off_answers,
    save_peer_request,
)
from db.session import reading, transaction
from db.tables import Job, PeerRequest
from tests.db.ledger import CR_IMAGE_STORAGE, claim, in_transaction, receive, received, rows

ASKED = [(CR_IMAGE_STORAGE, "1.2.3.1.2"), (CR_IMAGE_STORAGE, "1.2.3.1.1")]


def ask(ledger: Engine, peer: str = "PACS", transaction_uid: str = "2.25.1") -> None:
    with transaction(ledger) as session:
        save_peer_request(session, peer, transaction_uid, ASKED)


def test_a_question_is_one_job_however_often_it_is_asked(ledger: Engine) -> None:
    ask(ledger)
    ask(ledger)
    ask(ledger, peer="OTHER")
    ask(ledger, transaction_uid="2.25.2")
    with reading(ledger) as session:
        listed = list_jobs(session, states=JobState)
        assert load_peer_request(session, 1) == OpenRequest("2.25.1", "PACS", tuple(ASKED))
    assert [job.kind for job in listed] == [JobKind.ANSWER] * 3
    assert [job.subject for job in listed] == ["2.25.1", "2.25.1", "2.25.2"]
    ours = claim(ledger, JobKind.ANSWER)
    in_transaction(ledger, lambda session: mark_answered(session, ours))
    assert rows(ledger, PeerRequest)[0].answered_at is not None


def test_who_asks_the_same_again_is_told_again_and_something_else_is_refused(
    ledger: Engine,
) -> None:
    ask(ledger)
    for _ in range(2):
        ours = claim(ledger, JobKind.ANSWER)
        with transaction(ledger) as session:
            mark_answered(session, ours)
        with transaction(ledger) as session:
            save_peer_request(session, "PACS", "2.25.1", ASKED[::-1])
    for other in (ASKED[:1], [*ASKED, (CR_IMAGE_STORAGE, "1.2.3.1.3")]):
        with pytest.raises(OtherQuestion), transaction(ledger) as session:
            save_peer_request(session, "PACS", "2.25.1", other)
    [request] = rows(ledger, PeerRequest)
    assert request.answered_at is None
    assert [job.state for job in rows(ledger, Job)] == ["done", "done", "waiting"]


def test_each_peer_that_waits_for_answers_has_a_lane_for_one_at_a_time(ledger: Engine) -> None:
    for peer, transaction_uid in (("PACS", "2.25.1"), ("PACS", "2.25.2"), ("OTHER", "2.25.3")):
        ask(ledger, peer, transaction_uid)
    with transaction(ledger) as session:
        session.execute(update(Job).values(next_attempt_at=database_now(-1)))
    pacs, other = Lane(JobKind.ANSWER, "PACS"), Lane(JobKind.ANSWER, "OTHER")
    with transaction(ledger) as session:
        assert answer_lanes(session) == [(other, 1), (pacs, 1)]
        assert offer_due_jobs(session, pacs, window=1, offer_seconds=60) == [1]
        assert claim_job(session, 1, lease_seconds=60)
    with transaction(ledger) as session:
        assert offer_due_jobs(session, pacs, window=1, offer_seconds=60) == []
        assert offer_due_jobs(session, other, window=1, offer_seconds=60) == [3]


def test_what_else_is_due_for_a_peer_that_is_away_counts_as_tried(ledger: Engine) -> None:
    for number in range(1, 4):
        ask(ledger, transaction_uid=f"2.25.{number}")
    ask(ledger, peer="OTHER")
    with transaction(ledger) as session:
        session.execute(update(Job).values(next_attempt_at=database_now(-1)))
        later = update(Job).where(Job.id == 3)
        session.execute(later.values(next_attempt_at=database_now(3600), attempt=9))
    with transaction(ledger) as session:
        assert claim_job(session, 1, lease_seconds=60)
        put_off_answers(session, "PACS", error="away", seconds=60)
    told = [(job.state, job.attempt, job.last_error) for job in rows(ledger, Job)]
    assert told == [
        ("running", 1, None),
        ("waiting", 1, "away"),
        ("waiting", 9, None),
        ("waiting", 0, None),
    ]
    with reading(ledger) as session:
        assert [lane.name for lane, _ in answer_lanes(session)] == ["OTHER", "PACS"]
        assert (
            offer_due_jobs(session, Lane(JobKind.ANSWER, "PACS"), window=9, offer_seconds=1) == []
        )


def test_it_is_answered_under_the_fence(ledger: Engine) -> None:
    ask(ledger)
    stale = claim(ledger, JobKind.ANSWER)
    with transaction(ledger) as session:
        session.execute(update(Job).values(lease_until=database_now(-1)))
    ours = claim(ledger, JobKind.ANSWER)
    with pytest.raises(ClaimLost):
        in_transaction(ledger, lambda session: mark_answered(session, stale))
    assert rows(ledger, PeerRequest)[0].answered_at is None
    in_transaction(ledger, lambda session: mark_answered(session, ours))
    assert rows(ledger, PeerRequest)[0].answered_at is not None
    assert rows(ledger, Job)[0].state == "done"


def test_what_is_held_is_found_among_many_and_not_what_two_objects_claim(ledger: Engine) -> None:
    first, last, claimed = received(1), received(1200), received(600)
    other = received(600, sha256="f" * 64)
    assert receive(ledger, first, last, claimed, other)[2:] == [Intake.STORED, Intake.CONFLICT]
    asked = [f"1.2.3.1.{number}" for number in range(1201)]
    with reading(ledger) as session:
        held = find_held(session, asked)
        assert find_held(session, []) == {}
    assert held == {
        one.sop_instance_uid: HeldInstance(CR_IMAGE_STORAGE, one.spool_key) for one in (first, last)
    }
