"""A consignment's job: what comes between its claim and its end is neither lost nor misnamed."""

from collections.abc import Callable

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from db.commitments import record_answer
from db.deliveries import (
    Acceptance,
    Choice,
    finish_consignment,
    load_consignment,
    mark_refused,
    mark_sent,
    may_send,
    save_choice,
)
from db.jobs import Claim, JobKind, JobState, add_job
from db.session import transaction
from db.states import DeliveryState
from db.studies import block_study, lock_study
from db.tables import CommitmentRequest, Delivery, Job
from tests.db.ledger import (
    FRACTURE,
    analyse,
    claim,
    deliver,
    receive,
    received,
    report,
    rows,
)

SR, SC = "9.1.1.1", "9.1.1.3"


def reported(ledger: Engine) -> None:
    receive(ledger, received())
    analyse(ledger, FRACTURE)
    report(ledger, "PACS")


def states(ledger: Engine) -> list[str]:
    """Of the SR and the SC."""
    return [one.state.value for one in rows(ledger, Delivery)]


def deliver_jobs(ledger: Engine) -> list[Job]:
    return [job for job in rows(ledger, Job) if job.kind is JobKind.DELIVER]


def has_lost(sop_instance_uid: str) -> Callable[[Session], bool]:
    """The destination answers a question of ours: it does not keep this one."""

    def answer(session: Session) -> bool:
        session.add(CommitmentRequest(transaction_uid="2.25.1", consignment_id=1))
        return record_answer(session, "2.25.1", set(), {sop_instance_uid: "lost"})

    return answer


def take(session: Session, ours: Claim) -> None:
    """The destination takes what is queued."""
    for item in load_consignment(session, ours.subject_id).items:
        accepted = Acceptance(item.candidates[0].object_id, status=0, warning=None)
        mark_sent(session, ours, item.delivery_id, accepted)


def test_what_is_to_be_sent_again_while_the_job_still_runs_is_sent_by_it(ledger: Engine) -> None:
    reported(ledger)
    ours = claim(ledger, JobKind.DELIVER)
    with transaction(ledger) as session:
        take(session, ours)
    with transaction(ledger) as session:
        assert has_lost(SR)(session)
    with transaction(ledger) as session:
        assert finish_consignment(session, ours) is DeliveryState.QUEUED
    [job] = deliver_jobs(ledger)
    assert (job.state, job.attempt) == (JobState.WAITING, 0)
    assert states(ledger) == ["queued", "sent"]
    deliver(ledger)
    assert states(ledger) == ["sent", "sent"]


def test_what_a_destination_has_or_refused_is_not_called_omitted_afterwards(
    ledger: Engine,
) -> None:
    reported(ledger)
    ours = claim(ledger, JobKind.DELIVER)
    sr, capture = (one.id for one in rows(ledger, Delivery))
    with transaction(ledger) as session:
        accepted = Acceptance(1, status=0, warning=None)
        mark_sent(session, ours, sr, accepted)
        mark_refused(session, ours, capture, status=0x0122, error="no such class")
    nothing = Choice("nothing", "it takes nothing any more", omitted={sr: "no", capture: "no"})
    with transaction(ledger) as session:
        save_choice(session, ours, nothing)
    assert states(ledger) == ["sent", "refused"]


def test_what_was_omitted_is_sent_once_it_is_taken(ledger: Engine) -> None:
    reported(ledger)
    ours = claim(ledger, JobKind.DELIVER)
    sr, _ = (one.id for one in rows(ledger, Delivery))
    with transaction(ledger) as session:
        first = Choice("SC", "no SR", omitted={sr: "it takes no SR"})
        save_choice(session, ours, first)
    assert states(ledger) == ["omitted", "queued"]
    with transaction(ledger) as session:
        save_choice(session, ours, Choice("both", "", omitted={}))
        assert may_send(session, ours, sr)
    assert [one.reason for one in rows(ledger, Delivery)] == [None, None]


def test_of_a_blocked_study_nothing_is_sent_again(ledger: Engine) -> None:
    reported(ledger)
    deliver(ledger)
    with transaction(ledger) as session:
        block_study(session, lock_study(session, 1), "two patients")
    with transaction(ledger) as session:
        assert has_lost(SR)(session)
    assert [job.state for job in deliver_jobs(ledger)] == [JobState.DONE]
    with transaction(ledger) as session:
        add_job(session, JobKind.DELIVER, 1, lane="PACS")  # else the assertion could not fail
    assert len(deliver_jobs(ledger)) == 2
