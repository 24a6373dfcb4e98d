"""Peers' questions what we keep: each written down once, looked up, answered under a fence."""

import pytest
from sqlalchemy import Engine, update

from db.clock import database_now
from db.intake import Intake
from db.jobs import ClaimLost, JobKind, JobState, list_jobs
from db.peer_requests import (
    HeldInstance,
    OpenRequest,
    find_held,
    load_peer_request,
    mark_answered,
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
    ask(ledger)
    assert len(rows(ledger, Job)) == 3


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
        one.sop_instance_uid: HeldInstance(CR_IMAGE_STORAGE, one.spool_key, one.sha256)
        for one in (first, last)
    }
