"""What a withdrawn model said: it is not sent any more, and taken back where it was sent."""

import pytest
from sqlalchemy import Engine, update

from db.deliveries import (
    finish_consignment,
    may_send,
)
from db.jobs import (
    JobKind,
    add_job,
    put_off_job,
)
from db.reports import ReportObject, ReportOutcome, ReportSubject, save_report
from db.session import transaction
from db.states import AnalysisState, DeliveryState, ObjectKind
from db.tables import Delivery
from tests.db.ledger import (
    FRACTURE,
    analyse,
    claim,
    deliver,
    open_claimed_report,
    outcome_of,
    receive,
    received,
    report,
    settle,
    withdraw,
)
from tests.db.superseding import (
    NEWER,
    a_report_is_being_sent,
    choose,
    deliver_jobs,
    deliveries,
    on_sqlite,
    send,
    study_state,
    take,
    told,
)


def test_what_a_withdrawn_model_said_goes_nowhere_any_more(ledger: Engine) -> None:
    receive(ledger, received(1), received(1, study="4.5.6"))
    analyse(ledger, FRACTURE, NEWER)
    report(ledger, "PACS")
    report(ledger, "PACS")
    withdraw(ledger, "1.0")
    assert send(ledger, claim(ledger, JobKind.DELIVER)) == []
    send(ledger, claim(ledger, JobKind.DELIVER))
    assert told(ledger) == {
        (1, "PACS"): [("sr", "superseded"), ("sc", "superseded")],
        (2, "PACS"): [("sr", "sent"), ("sc", "sent")],
    }
    assert deliver_jobs(ledger) == ["done", "done"]
    assert deliveries(ledger)[0]["why"] == "model 1.0 was withdrawn: it missed wrists"


@on_sqlite
def test_what_it_said_is_not_sent_again_either_though_another_model_has_looked_since(
    ledger: Engine,
) -> None:
    receive(ledger, received(1))
    analyse(ledger, FRACTURE)
    report(ledger, "PACS")
    deliver(ledger)
    withdraw(ledger, "1.0")
    analyse(ledger, NEWER)
    with transaction(ledger) as session:
        session.execute(update(Delivery).values(state=DeliveryState.QUEUED))  # it was lost
        add_job(session, JobKind.DELIVER, 1, lane="PACS")
    assert send(ledger, claim(ledger, JobKind.DELIVER)) == []
    assert told(ledger)[1, "PACS"] == [("sr", "superseded"), ("sc", "superseded")]


@on_sqlite
def test_of_a_study_that_two_models_looked_at_the_others_pictures_go(ledger: Engine) -> None:
    receive(ledger, received(1), received(2))
    analyse(ledger, NEWER, FRACTURE)
    report(ledger, "PACS")  # its capture shows the first image
    ours = claim(ledger, JobKind.DELIVER)
    withdraw(ledger, "1.0")
    send(ledger, ours)
    assert told(ledger)[1, "PACS"] == [("sr", "superseded"), ("sc", "sent")]


@on_sqlite
def test_a_report_that_was_being_written_while_its_model_was_withdrawn_is_not_sent(
    ledger: Engine,
) -> None:
    receive(ledger, received(1))
    analyse(ledger, FRACTURE)
    settle(ledger)
    ours, subject = open_claimed_report(ledger)
    withdraw(ledger, "1.0")
    message = ReportObject(ObjectKind.ORU, "oru", "sha", 10, destinations=("RIS",))
    with transaction(ledger) as session:
        save_report(session, ours, subject, ReportOutcome(AnalysisState.FRACTURE, 0.9, (message,)))
    assert told(ledger) == {(1, "RIS"): [("oru", "superseded")]}


@on_sqlite
def test_a_rejection_note_goes_whatever_is_withdrawn(ledger: Engine) -> None:
    receive(ledger, received(1))
    analyse(ledger, FRACTURE)
    settle(ledger)
    ours, subject = open_claimed_report(ledger)
    note = ReportObject(ObjectKind.REJECTION, "note", "sha", 10, destinations=("PACS",))
    with transaction(ledger) as session:
        save_report(session, ours, subject, ReportOutcome(AnalysisState.FRACTURE, 0.9, (note,)))
    withdraw(ledger, "1.0")
    send(ledger, claim(ledger, JobKind.DELIVER))
    assert told(ledger) == {(1, "PACS"): [("rejection", "sent")]}


@pytest.mark.parametrize("looked_again", [False, True])
def test_a_destination_that_joins_later_gets_the_pictures_it_missed_that_still_count(
    ledger: Engine, looked_again: bool
) -> None:
    receive(ledger, received(1))
    analyse(ledger, FRACTURE)
    report(ledger, "PACS")
    deliver(ledger)
    receive(ledger, received(2))
    analyse(ledger, FRACTURE)
    if looked_again:
        with transaction(ledger) as session:
            add_job(session, JobKind.ANALYSE, 1)
        analyse(ledger, NEWER)
    settle(ledger)
    ours, subject = open_claimed_report(ledger)
    both = ("PACS", "ARCHIVE")
    sr = ReportObject(ObjectKind.SR, "sr", "sha", 10, both, "1.2", "9.9", "9")
    late = subject.images[1].instance_id
    capture = ReportObject(
        ObjectKind.SC, "sc", "sha", 10, both, "1.2.3", "9.8", "9", instance_id=late
    )
    outcome = ReportOutcome(
        AnalysisState.FRACTURE, 0.9, (sr, capture), pictures_for={ObjectKind.SC: both}
    )
    with transaction(ledger) as session:
        save_report(session, ours, subject, outcome)
    queued = {where: [kind for kind, _ in kinds] for where, kinds in told(ledger).items()}
    assert queued == {
        (1, "PACS"): ["sr", "sc"],
        (2, "PACS"): ["sr", "sc"],
        (2, "ARCHIVE"): ["sr", "sc"] if looked_again else ["sr", "sc", "sc"],
    }
    for _ in range(2):
        send(ledger, claim(ledger, JobKind.DELIVER))
    assert {state for kinds in told(ledger).values() for _, state in kinds} == {"sent"}


def test_a_model_that_is_withdrawn_while_its_report_is_sent_is_stopped_and_taken_back(
    ledger: Engine,
) -> None:
    ours = a_report_is_being_sent(ledger)
    sr, capture = sorted(choose(ledger, ours))
    with transaction(ledger) as session:
        take(session, ours, [sr])
    withdraw(ledger, "1.0")
    with transaction(ledger) as session:
        assert not may_send(session, ours, capture), "the next object is not sent any more"
    analyse(ledger, NEWER)
    settle(ledger)
    reporting, subject = open_claimed_report(ledger)
    assert taken_back(subject) == {"9.1.1.1"}
    with transaction(ledger) as session:
        finish_consignment(session, ours)
    with transaction(ledger) as session:
        save_report(session, reporting, subject, outcome_of(subject, "PACS"))
    send(ledger, claim(ledger, JobKind.DELIVER))
    settle(ledger)
    receive(ledger, received(2))
    analyse(ledger, NEWER)
    settle(ledger)
    _, again = open_claimed_report(ledger)
    assert again.withdrawn is None, "it is taken back once"


def test_what_is_sent_after_its_successor_was_opened_is_taken_back_by_the_next(
    ledger: Engine,
) -> None:
    ours = a_report_is_being_sent(ledger)
    due = choose(ledger, ours)
    withdraw(ledger, "1.0")
    analyse(ledger, NEWER)
    settle(ledger)
    reporting, subject = open_claimed_report(ledger)
    assert subject.withdrawn is None
    with transaction(ledger) as session:
        take(session, ours, due)  # they were on the wire when it was withdrawn
        finish_consignment(session, ours)
    with transaction(ledger) as session:
        save_report(session, reporting, subject, outcome_of(subject, "PACS"))
    send(ledger, claim(ledger, JobKind.DELIVER))
    settle(ledger)
    _, third = open_claimed_report(ledger)
    assert taken_back(third) == {"9.1.1.1", "9.1.1.3"}


def test_what_another_model_said_is_never_taken_back(ledger: Engine) -> None:
    """Though the report was begun before the withdrawal, it was written after another look."""
    receive(ledger, received(1))
    analyse(ledger, FRACTURE)
    settle(ledger)
    begun = claim(ledger, JobKind.REPORT)
    with transaction(ledger) as session:
        put_off_job(session, begun, error="the disk is full", delay_seconds=0)
    withdraw(ledger, "1.0")
    analyse(ledger, NEWER)
    ours, subject = open_claimed_report(ledger)
    with transaction(ledger) as session:
        save_report(session, ours, subject, outcome_of(subject, "PACS"))
    deliver(ledger)
    receive(ledger, received(2))
    analyse(ledger, NEWER)
    settle(ledger)
    _, subject = open_claimed_report(ledger)
    assert (subject.revision, subject.withdrawn) == (2, None)


def taken_back(subject: ReportSubject) -> set[str]:
    assert subject.withdrawn is not None
    return {one.sop_instance_uid for one in subject.withdrawn.objects}


@on_sqlite
def test_a_study_is_not_delivered_while_its_report_was_withdrawn_before_it_was_sent(
    ledger: Engine,
) -> None:
    receive(ledger, received(1), received(2))
    analyse(ledger, NEWER, FRACTURE)
    report(ledger, "PACS")
    withdraw(ledger, "1.0")
    send(ledger, claim(ledger, JobKind.DELIVER))
    assert told(ledger)[1, "PACS"] == [("sr", "superseded"), ("sc", "sent")]
    assert study_state(ledger) == "reported"
