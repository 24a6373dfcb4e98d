"""What destinations say they keep: each answer counts once, and what they lost is sent again."""

import pytest
from sqlalchemy import Engine, update

from db.clock import database_now
from db.commitments import (
    MAX_SENDINGS,
    ConfirmationOrder,
    ask_for_proof,
    finish_confirmation,
    load_confirmation,
    record_answer,
    record_found,
    record_unprovable,
    save_request,
    wait_for_answer,
)
from db.deliveries import Acceptance, finish_consignment, load_consignment, mark_sent
from db.jobs import Claim, ClaimLost, JobKind
from db.session import reading, transaction
from db.states import DeliveryState
from db.tables import CommitmentRequest, Consignment, Delivery, Job, Study
from tests.db.ledger import (
    FRACTURE,
    analyse,
    claim,
    deliver,
    in_transaction,
    receive,
    received,
    report,
    rows,
)

DAY_SECONDS = 24 * 3600
SR, SC = "9.1.1.1", "9.1.1.3"
QUESTION = "2.25.1"
# Where nothing depends on the kind of database that another test does not ask of both.
on_sqlite = pytest.mark.parametrize("ledger_url", ["sqlite"], indirect=True)


@pytest.fixture
def ledger(ledger: Engine) -> Engine:
    """The SR and the SC of study 1 were taken by PACS, and by ARCHIVE too."""
    receive(ledger, received())
    analyse(ledger, FRACTURE)
    report(ledger, "PACS", "ARCHIVE")
    deliver(ledger)
    deliver(ledger)
    return ledger


def ask(ledger: Engine, transaction_uid: str = QUESTION) -> Claim:
    """The first destination is asked about consignment 1, and has not answered."""
    in_transaction(ledger, lambda session: ask_for_proof(session, 1, "PACS"))
    ours = claim(ledger, JobKind.CONFIRM)
    in_transaction(ledger, lambda session: save_request(session, ours, transaction_uid))
    return ours


def wait(ledger: Engine, ours: Claim) -> None:
    asked = order(ledger)
    in_transaction(
        ledger, lambda session: wait_for_answer(session, ours, asked, seconds=DAY_SECONDS)
    )


def answer(ledger: Engine, *kept: str, failed: str = "", transaction_uid: str = QUESTION) -> bool:
    reasons = {failed: "lost"} if failed else {}
    return in_transaction(
        ledger, lambda session: record_answer(session, transaction_uid, set(kept), reasons)
    )


def states(ledger: Engine, consignment_id: int = 1) -> list[str]:
    """Of the SR and the SC."""
    return [
        one.state.value for one in rows(ledger, Delivery) if one.consignment_id == consignment_id
    ]


def proof(ledger: Engine) -> str | None:
    return rows(ledger, Consignment)[0].proof


def jobs(ledger: Engine, kind: JobKind) -> list[Job]:
    return [job for job in rows(ledger, Job) if job.kind is kind]


def waits_seconds(job: Job) -> float:
    return (job.next_attempt_at - job.created_at).total_seconds()


def order(ledger: Engine) -> ConfirmationOrder:
    with reading(ledger) as session:
        return load_confirmation(session, 1)


@on_sqlite
def test_what_is_asked_is_what_was_sent_and_is_not_proved(ledger: Engine) -> None:
    first = order(ledger)
    assert (first.destination, first.study_instance_uid) == ("PACS", "1.2.3")
    assert [one.sop_instance_uid for one in first.objects] == [SR, SC]
    assert first.requests == 0
    wait(ledger, ask(ledger))
    second = order(ledger)
    assert second.requests == 1
    assert answer(ledger, SC)
    assert [one.sop_instance_uid for one in order(ledger).objects] == [SR]
    assert order(ledger).requests == 1, "it left the SR out"
    assert answer(ledger, failed=SR, transaction_uid=asked_about(ledger, "2.25.2"))
    send_what_is_queued(ledger)
    assert order(ledger).requests == 0, "of what was sent again nobody has been asked"


def test_all_kept_ends_the_wait_and_another_destination_is_another_matter(ledger: Engine) -> None:
    ours = ask(ledger)
    wait(ledger, ours)
    [job] = jobs(ledger, JobKind.CONFIRM)
    assert waits_seconds(job) == pytest.approx(DAY_SECONDS, abs=5)
    assert answer(ledger, SR, SC, "9.9.9")
    assert states(ledger) == ["committed", "committed"]
    assert states(ledger, 2) == ["sent", "sent"]
    assert proof(ledger) == "commitment"
    # The job that waited is due, and has nothing left to ask.
    [job] = jobs(ledger, JobKind.CONFIRM)
    assert waits_seconds(job) < 5
    wait(ledger, claim(ledger, JobKind.CONFIRM))
    assert [job.state for job in jobs(ledger, JobKind.CONFIRM)] == ["done"]


@on_sqlite
def test_an_answer_that_is_quicker_than_the_asking_ends_it(ledger: Engine) -> None:
    ours = ask(ledger)
    assert answer(ledger, SR, SC)
    wait(ledger, ours)
    assert [job.state for job in jobs(ledger, JobKind.CONFIRM)] == ["done"]


@on_sqlite
def test_an_answer_counts_once_and_only_to_a_question_of_ours(ledger: Engine) -> None:
    wait(ledger, ask(ledger))
    assert not answer(ledger, SR, SC, transaction_uid="2.25.2")
    assert states(ledger) == ["sent", "sent"]
    assert answer(ledger, SR)
    answered_at = rows(ledger, CommitmentRequest)[0].answered_at
    assert answered_at is not None
    assert answer(ledger, failed=SC)
    assert states(ledger) == ["committed", "sent"]
    assert rows(ledger, CommitmentRequest)[0].answered_at == answered_at


@on_sqlite
def test_what_an_answer_leaves_out_is_asked_about_when_it_would_have_been(ledger: Engine) -> None:
    wait(ledger, ask(ledger))
    assert answer(ledger, SR)
    [job] = jobs(ledger, JobKind.CONFIRM)
    assert waits_seconds(job) > DAY_SECONDS - 5


@on_sqlite
def test_a_late_answer_to_an_earlier_question_counts(ledger: Engine) -> None:
    wait(ledger, ask(ledger))
    with transaction(ledger) as session:
        session.execute(update(Job).values(next_attempt_at=database_now()))
    wait(ledger, ask(ledger, "2.25.2"))
    assert order(ledger).requests == 2
    assert answer(ledger, SR, SC)
    assert states(ledger) == ["committed", "committed"]


def test_what_is_not_kept_is_sent_again_by_itself_with_its_studys_priority(ledger: Engine) -> None:
    with transaction(ledger) as session:
        session.execute(update(Study).values(priority=20))
    wait(ledger, ask(ledger))
    assert answer(ledger, SC, failed=SR)
    assert states(ledger) == ["queued", "committed"]
    [reason, _] = [one.reason for one in rows(ledger, Delivery) if one.consignment_id == 1]
    assert reason == "not kept: lost"
    job = jobs(ledger, JobKind.DELIVER)[-1]
    assert (job.state, job.subject_id, job.lane, job.priority) == ("waiting", 1, "PACS", 20)


@on_sqlite
def test_after_so_many_sendings_a_person_looks(ledger: Engine) -> None:
    for number in range(1, MAX_SENDINGS + 1):
        wait(ledger, ask(ledger, f"2.25.{number}"))
        assert answer(ledger, SC, failed=SR, transaction_uid=f"2.25.{number}")
        assert rows(ledger, Delivery)[0].sendings == number
        wait(ledger, claim(ledger, JobKind.CONFIRM))
        send_what_is_queued(ledger)
    assert states(ledger) == ["refused", "committed"]
    [*_, job] = jobs(ledger, JobKind.DELIVER)
    assert job.state == "dead"
    assert job.last_error == f"{MAX_SENDINGS} times accepted and not kept: lost"


def send_what_is_queued(ledger: Engine) -> None:
    ours = claim(ledger, JobKind.DELIVER)
    with transaction(ledger) as session:
        for item in load_consignment(session, ours.subject_id).items:
            if item.state is DeliveryState.QUEUED:
                accepted = Acceptance(item.candidates[0].object_id, status=0, warning=None)
                mark_sent(session, ours, item.delivery_id, accepted)
        finish_consignment(session, ours)


def test_a_search_proves_what_it_finds_and_has_the_rest_sent_again(ledger: Engine) -> None:
    ours = ask(ledger)
    asked = order(ledger)
    in_transaction(ledger, lambda session: record_found(session, ours, asked, {SR}, "not found"))
    assert states(ledger) == ["committed", "queued"]
    assert proof(ledger) == "query"
    assert [job.state for job in jobs(ledger, JobKind.CONFIRM)] == ["done"]
    assert jobs(ledger, JobKind.DELIVER)[-1].state == "waiting"


@on_sqlite
def test_a_destination_that_cannot_be_asked_leaves_it_at_sent(ledger: Engine) -> None:
    ours = ask(ledger)
    asked = order(ledger)
    in_transaction(ledger, lambda session: record_unprovable(session, ours, asked))
    assert states(ledger) == ["sent", "sent"]
    assert proof(ledger) == "none"
    assert [job.state for job in jobs(ledger, JobKind.CONFIRM)] == ["done"]


@on_sqlite
def test_more_that_was_sent_wakes_the_job_that_waits(ledger: Engine) -> None:
    wait(ledger, ask(ledger))
    in_transaction(ledger, lambda session: ask_for_proof(session, 1, "PACS"))
    [job] = jobs(ledger, JobKind.CONFIRM)
    assert waits_seconds(job) < 5
    assert job.lane == "PACS"


@pytest.mark.parametrize("ending", ["waits", "found", "unprovable", "nothing to ask"])
@on_sqlite
def test_what_is_sent_while_a_question_is_out_is_asked_about_at_once(
    ledger: Engine, ending: str
) -> None:
    ours, asked = ask(ledger), order(ledger)
    send_again(ledger, SC)
    endings = {
        "waits": lambda session: wait_for_answer(session, ours, asked, seconds=DAY_SECONDS),
        "found": lambda session: record_found(session, ours, asked, {SR}, "not found"),
        "unprovable": lambda session: record_unprovable(session, ours, asked),
        "nothing to ask": lambda session: finish_confirmation(session, ours, asked),
    }
    in_transaction(ledger, endings[ending])
    [job] = jobs(ledger, JobKind.CONFIRM)
    assert job.state == "waiting"
    assert waits_seconds(job) < 5
    assert job.attempt == 0, "no attempt is counted"


@on_sqlite
def test_of_several_proofs_the_weakest_is_told(ledger: Engine) -> None:
    ours, asked = ask(ledger), order(ledger)
    in_transaction(ledger, lambda session: record_found(session, ours, asked, {SR}, "not found"))
    send_what_is_queued(ledger)
    wait(ledger, ask(ledger, "2.25.2"))
    assert answer(ledger, SC, transaction_uid="2.25.2")
    assert states(ledger) == ["committed", "committed"]
    assert proof(ledger) == "query"


def asked_about(ledger: Engine, transaction_uid: str) -> str:
    """Another question about consignment 1."""
    with transaction(ledger) as session:
        session.add(CommitmentRequest(transaction_uid=transaction_uid, consignment_id=1))
    return transaction_uid


def send_again(ledger: Engine, sop_instance_uid: str) -> None:
    """The destination lost the object, and takes it once more."""
    in_transaction(ledger, lambda session: ask_for_proof(session, 1, "PACS"))
    assert answer(ledger, failed=sop_instance_uid, transaction_uid=asked_about(ledger, "2.25.99"))
    send_what_is_queued(ledger)


def test_who_lost_the_claim_writes_nothing(ledger: Engine) -> None:
    stale, asked = ask(ledger), order(ledger)
    with transaction(ledger) as session:
        session.execute(update(Job).values(lease_until=database_now(-1)))
    claim(ledger, JobKind.CONFIRM)
    for write in (
        lambda session: save_request(session, stale, "2.25.2"),
        lambda session: wait_for_answer(session, stale, asked, seconds=1),
        lambda session: record_found(session, stale, asked, {SR, SC}, "not found"),
        lambda session: record_unprovable(session, stale, asked),
    ):
        with pytest.raises(ClaimLost):
            in_transaction(ledger, write)
    assert states(ledger) == ["sent", "sent"]
    assert proof(ledger) is None
    assert len(rows(ledger, CommitmentRequest)) == 1
