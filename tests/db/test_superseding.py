"""What was not sent yet and something newer came first: it is not sent, and that is told."""

from dataclasses import replace

import pytest
from sqlalchemy import Engine, select, update

from db.clock import database_now
from db.deliveries import (
    Acceptance,
    finish_consignment,
    mark_refused,
    mark_sent,
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
)
from db.session import transaction
from db.states import DeliveryState
from db.tables import Consignment, Delivery, Job, Report
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
from tests.db.superseding import (
    ALL_TAKEN,
    a_late_image_is_reported,
    a_report_is_being_sent,
    choose,
    deliver_jobs,
    deliveries,
    on_sqlite,
    save_messages,
    send,
    study_state,
    take,
    told,
)


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
    ours = a_report_is_being_sent(ledger)
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
    ours = a_report_is_being_sent(ledger)
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
    ours = a_report_is_being_sent(ledger)
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


@on_sqlite
def test_what_was_sent_of_a_report_that_a_person_was_to_look_at_is_still_asked_about(
    ledger: Engine,
) -> None:
    ours = a_report_is_being_sent(ledger)
    _, capture = sorted(choose(ledger, ours))
    with transaction(ledger) as session:
        take(session, ours, [capture])
        bury_job(session, ours, error="not taken for three days")
    a_late_image_is_reported(ledger, "PACS")
    assert told(ledger)[1, "PACS"] == [("sr", "superseded"), ("sc", "sent")]
    assert deliver_jobs(ledger) == ["waiting", "waiting"], "its end asks whether the SC is kept"


@on_sqlite
def test_a_refusal_of_what_was_superseded_meanwhile_needs_no_person(ledger: Engine) -> None:
    ours = a_report_is_being_sent(ledger)
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
