"""What was not sent yet and something newer came first: it is not sent, and that is told."""

from collections.abc import Collection, Sequence
from dataclasses import replace

import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from db.clock import database_now
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
from db.job_list import requeue_jobs
from db.jobs import (
    Claim,
    JobKind,
    JobState,
    Lane,
    add_job,
    bury_job,
    claim_job,
    offer_due_jobs,
    put_off_job,
)
from db.reports import ReportObject, ReportOutcome, ReportSubject, save_report
from db.results import delivery_results, study_results
from db.session import reading, transaction
from db.states import AnalysisState, DeliveryState, ObjectKind
from db.tables import Consignment, Delivery, Job, Report, ResultObject
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
    rows,
    settle,
    withdraw,
)

NEWER = replace(FRACTURE, model_version="2.0")
ALL_TAKEN = Choice("all", "everything is accepted", omitted={})
on_sqlite = pytest.mark.parametrize("ledger_url", ["sqlite"], indirect=True)


def a_late_image_is_reported(ledger: Engine, *destinations: str) -> None:
    receive(ledger, received(2))
    analyse(ledger, FRACTURE)
    report(ledger, *destinations)


def told(ledger: Engine) -> dict[tuple[int, str], list[tuple[str, str]]]:
    """By revision and destination: the kind and state of each delivery."""
    asked = (
        select(Consignment.report_id, Consignment.destination, ResultObject.kind, Delivery.state)
        .join(Delivery, Delivery.consignment_id == Consignment.id)
        .join(ResultObject, ResultObject.id == Delivery.object_id)
        .order_by(Delivery.id)
    )
    found: dict[tuple[int, str], list[tuple[str, str]]] = {}
    with reading(ledger) as session:
        for revision, destination, kind, state in session.execute(asked):
            found.setdefault((revision, destination), []).append((kind.value, state.value))
    return found


def deliver_jobs(ledger: Engine) -> list[JobState]:
    return [job.state for job in rows(ledger, Job) if job.kind is JobKind.DELIVER]


def deliveries(ledger: Engine) -> Sequence[dict[str, object]]:
    with reading(ledger) as session:
        return delivery_results(session)


def study_state(ledger: Engine) -> str:
    with reading(ledger) as session:
        [row] = study_results(session)
    return str(row["state"])


def choose(ledger: Engine, ours: Claim, choice: Choice = ALL_TAKEN) -> set[int]:
    """The ids of the deliveries that may be made."""
    with transaction(ledger) as session:
        save_choice(session, ours, choice)
        items = load_consignment(session, ours.subject_id).items
        return {one.delivery_id for one in items if may_send(session, ours, one.delivery_id)}


def take(session: Session, ours: Claim, delivery_ids: Collection[int]) -> None:
    """The destination takes these in their best form."""
    for item in load_consignment(session, ours.subject_id).items:
        if item.delivery_id in delivery_ids:
            accepted = Acceptance(item.candidates[0].object_id, status=0, warning=None)
            mark_sent(session, ours, item.delivery_id, accepted)


def send(ledger: Engine, ours: Claim) -> list[int]:
    """As a worker does with a destination that takes everything: what it sent."""
    due = choose(ledger, ours)
    with transaction(ledger) as session:
        take(session, ours, due)
        finish_consignment(session, ours)
    return sorted(due)


def save_messages(ledger: Engine, revision: int) -> None:
    """A report that is one HL7 message to RIS."""
    settle(ledger)
    ours, subject = open_claimed_report(ledger)
    assert subject.revision == revision
    message = ReportObject(ObjectKind.ORU, f"oru-{revision}", "sha", 10, destinations=("RIS",))
    with transaction(ledger) as session:
        save_report(session, ours, subject, ReportOutcome(AnalysisState.FRACTURE, 0.9, (message,)))


def test_a_later_revision_takes_the_place_of_what_was_never_sent(ledger: Engine) -> None:
    receive(ledger, received(1))
    analyse(ledger, FRACTURE)
    report(ledger, "PACS", "ARCHIVE")
    deliver(ledger)
    a_late_image_is_reported(ledger, "PACS", "ARCHIVE")
    assert told(ledger) == {
        (1, "PACS"): [("sr", "sent"), ("sc", "sent")],
        (1, "ARCHIVE"): [("sr", "superseded"), ("sc", "queued")],
        (2, "PACS"): [("sr", "queued"), ("sc", "queued")],
        (2, "ARCHIVE"): [("sr", "queued"), ("sc", "queued")],
    }
    [reason] = {one.reason for one in rows(ledger, Delivery) if one.state == "superseded"}
    assert reason == "revision 2 takes its place"
    assert deliver_jobs(ledger) == ["done", "waiting", "waiting", "waiting"]
    sent = send(ledger, claim(ledger, JobKind.DELIVER))
    assert told(ledger)[1, "ARCHIVE"] == [("sr", "superseded"), ("sc", "sent")]
    assert len(sent) == 1


@on_sqlite
def test_a_destination_that_the_later_revision_does_not_go_to_gets_the_earlier_one(
    ledger: Engine,
) -> None:
    receive(ledger, received(1))
    analyse(ledger, FRACTURE)
    report(ledger, "PACS", "ARCHIVE")
    a_late_image_is_reported(ledger, "PACS")
    assert told(ledger)[1, "PACS"][0] == ("sr", "superseded")
    assert told(ledger)[1, "ARCHIVE"][0] == ("sr", "queued")


def test_a_message_with_nothing_left_to_say_ends_its_job_and_is_told_as_superseded(
    ledger: Engine,
) -> None:
    receive(ledger, received(1))
    analyse(ledger, FRACTURE)
    save_messages(ledger, 1)
    receive(ledger, received(2))
    analyse(ledger, FRACTURE)
    save_messages(ledger, 2)
    assert deliver_jobs(ledger) == ["done", "waiting"]
    first, second = deliveries(ledger)
    assert (first["state"], first["why"]) == ("superseded", "revision 2 takes its place")
    assert (first["objects"], first["sent_at"], first["committed_at"]) == (0, None, None)
    assert second["state"] == "queued"


def test_what_was_refused_cannot_be_requeued_after_what_is_newer(ledger: Engine) -> None:
    receive(ledger, received(1))
    analyse(ledger, FRACTURE)
    save_messages(ledger, 1)
    ours = claim(ledger, JobKind.DELIVER)
    [refused] = choose(ledger, ours)
    with transaction(ledger) as session:
        mark_refused(session, ours, refused, status=None, error="no such patient")
        finish_consignment(session, ours)
    receive(ledger, received(2))
    analyse(ledger, FRACTURE)
    save_messages(ledger, 2)
    send(ledger, claim(ledger, JobKind.DELIVER))
    with transaction(ledger) as session:
        assert requeue_jobs(session, [ours.job_id]) == 0
    assert told(ledger) == {(1, "RIS"): [("oru", "superseded")], (2, "RIS"): [("oru", "sent")]}
    assert deliver_jobs(ledger) == ["done", "done"]


@on_sqlite
def test_what_was_refused_is_overtaken_too_and_needs_no_person_any_more(
    ledger: Engine,
) -> None:
    receive(ledger, received(1))
    analyse(ledger, FRACTURE)
    report(ledger, "PACS")
    ours = claim(ledger, JobKind.DELIVER)
    sr, capture = sorted(choose(ledger, ours))
    with transaction(ledger) as session:
        mark_refused(session, ours, sr, status=0x0122, error="no such class")
        mark_sent(session, ours, capture, Acceptance(3, status=0, warning=None))
        finish_consignment(session, ours)
    assert (deliver_jobs(ledger), study_state(ledger)) == (["dead"], "failed")
    a_late_image_is_reported(ledger, "PACS")
    assert told(ledger)[1, "PACS"] == [("sr", "superseded"), ("sc", "sent")]
    assert (deliver_jobs(ledger), study_state(ledger)) == (["waiting", "waiting"], "reported")
    assert send(ledger, claim(ledger, JobKind.DELIVER)) == []
    assert deliver_jobs(ledger) == ["done", "waiting"]


@pytest.mark.parametrize(("fate", "state"), [("queued", "reported"), ("refused", "failed")])
@on_sqlite
def test_a_study_is_not_delivered_while_an_earlier_picture_is_not(
    ledger: Engine, fate: str, state: str
) -> None:
    receive(ledger, received(1))
    analyse(ledger, FRACTURE)
    report(ledger, "PACS")
    ours = claim(ledger, JobKind.DELIVER)
    _, capture = sorted(choose(ledger, ours))
    a_late_image_is_reported(ledger, "PACS")
    with transaction(ledger) as session:
        finish_consignment(session, ours)
        session.execute(update(Job).where(Job.id == ours.job_id).values(state=JobState.DEAD))
        session.execute(update(Delivery).where(Delivery.id == capture).values(state=fate))
    later = max(job.id for job in rows(ledger, Job) if job.kind is JobKind.DELIVER)
    with transaction(ledger) as session:
        newer = claim_job(session, later, lease_seconds=60)
    assert newer is not None
    send(ledger, newer)
    assert study_state(ledger) == state
    with transaction(ledger) as session:
        session.execute(update(Delivery).where(Delivery.id == capture).values(state="sent"))
    assert study_state(ledger) == "delivered"


@on_sqlite
def test_what_was_omitted_is_not_sent_after_what_is_newer(ledger: Engine) -> None:
    receive(ledger, received(1))
    analyse(ledger, FRACTURE)
    report(ledger, "PACS")
    ours = claim(ledger, JobKind.DELIVER)
    sr, capture = (one.id for one in rows(ledger, Delivery))
    assert choose(ledger, ours, replace(ALL_TAKEN, omitted={sr: "no SR there"})) == {capture}
    a_late_image_is_reported(ledger, "PACS")
    assert send(ledger, ours) == [capture]
    assert told(ledger)[1, "PACS"] == [("sr", "superseded"), ("sc", "sent")]


@on_sqlite
def test_what_a_destination_lost_of_an_earlier_revision_is_sent_again(ledger: Engine) -> None:
    receive(ledger, received(1))
    analyse(ledger, FRACTURE)
    report(ledger, "PACS")
    deliver(ledger)
    with transaction(ledger) as session:
        session.execute(update(Delivery).values(state=DeliveryState.QUEUED))
        add_job(session, JobKind.DELIVER, 1, lane="PACS")
    a_late_image_is_reported(ledger, "PACS")
    assert told(ledger)[1, "PACS"] == [("sr", "queued"), ("sc", "queued")]


def test_a_revision_waits_while_an_earlier_one_is_being_sent(ledger: Engine) -> None:
    receive(ledger, received(1))
    analyse(ledger, FRACTURE)
    report(ledger, "PACS", "ARCHIVE")
    first = claim(ledger, JobKind.DELIVER)
    a_late_image_is_reported(ledger, "PACS", "ARCHIVE")
    later = [job.id for job in rows(ledger, Job) if job.kind is JobKind.DELIVER][2:]

    def claimed(job_id: int) -> Claim | None:
        with transaction(ledger) as session:
            return claim_job(session, job_id, lease_seconds=60)

    assert claimed(later[0]) is None
    assert claimed(later[1]) is not None, "another destination is another matter"
    with transaction(ledger) as session:
        finish_consignment(session, first)
    assert claimed(later[0]) is not None


@on_sqlite
def test_a_revision_does_not_wait_for_a_worker_that_died(ledger: Engine) -> None:
    receive(ledger, received(1))
    analyse(ledger, FRACTURE)
    report(ledger, "PACS")
    died = claim(ledger, JobKind.DELIVER)
    a_late_image_is_reported(ledger, "PACS")
    later = max(job.id for job in rows(ledger, Job) if job.kind is JobKind.DELIVER)
    with transaction(ledger) as session:
        over = update(Job).where(Job.id == died.job_id).values(lease_until=database_now(-1))
        session.execute(over)
        assert claim_job(session, later, lease_seconds=60) is not None


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
    receive(ledger, received(1))
    analyse(ledger, FRACTURE)
    report(ledger, "PACS")
    ours = claim(ledger, JobKind.DELIVER)
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
    receive(ledger, received(1))
    analyse(ledger, FRACTURE)
    report(ledger, "PACS")
    ours = claim(ledger, JobKind.DELIVER)
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
def test_what_was_sent_of_a_report_that_a_person_was_to_look_at_is_still_asked_about(
    ledger: Engine,
) -> None:
    receive(ledger, received(1))
    analyse(ledger, FRACTURE)
    report(ledger, "PACS")
    ours = claim(ledger, JobKind.DELIVER)
    _, capture = sorted(choose(ledger, ours))
    with transaction(ledger) as session:
        take(session, ours, [capture])
        bury_job(session, ours, error="not taken for three days")
    a_late_image_is_reported(ledger, "PACS")
    assert told(ledger)[1, "PACS"] == [("sr", "superseded"), ("sc", "sent")]
    assert deliver_jobs(ledger) == ["waiting", "waiting"], "its end asks whether the SC is kept"


@on_sqlite
def test_a_refusal_of_what_was_superseded_meanwhile_needs_no_person(ledger: Engine) -> None:
    receive(ledger, received(1))
    analyse(ledger, FRACTURE)
    report(ledger, "PACS")
    ours = claim(ledger, JobKind.DELIVER)
    sr, capture = sorted(choose(ledger, ours))
    a_late_image_is_reported(ledger, "PACS")
    with transaction(ledger) as session:
        mark_refused(session, ours, sr, status=0xA900, error="no")
        take(session, ours, [capture])
        assert finish_consignment(session, ours) is DeliveryState.SENT
    assert told(ledger)[1, "PACS"] == [("sr", "superseded"), ("sc", "sent")]


@on_sqlite
def test_what_cannot_be_claimed_yet_is_not_offered_in_the_place_of_what_can(
    ledger: Engine,
) -> None:
    receive(ledger, received(1), received(1, study="4.5.6"))
    analyse(ledger, FRACTURE, FRACTURE)
    report(ledger, "PACS")
    claim(ledger, JobKind.DELIVER)
    a_late_image_is_reported(ledger, "PACS")
    report(ledger, "PACS")
    *_, later, other = (job.id for job in rows(ledger, Job) if job.kind is JobKind.DELIVER)
    lane = Lane(JobKind.DELIVER, "PACS")
    with transaction(ledger) as session:
        assert offer_due_jobs(session, lane, window=9, offer_seconds=30) in ([later], [other])
        waiting = session.scalars(select(Job.subject_id).where(Job.offered_until.is_not(None)))
        [offered] = waiting.all()
        of_study = session.scalars(
            select(Report.study_id)
            .join(Consignment, Consignment.report_id == Report.id)
            .where(Consignment.id == offered)
        ).one()
    assert of_study == 2


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
