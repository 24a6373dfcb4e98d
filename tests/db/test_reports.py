"""From the last image of a study to its report at the PACS, and what may come between."""

from dataclasses import replace

import pytest
from sqlalchemy import Engine, update

from db.analyses import load_analysis_input, save_analysis, save_unanalysable
from db.clock import database_now
from db.deliveries import (
    Acceptance,
    finish_consignment,
    load_consignment,
    mark_refused,
    mark_sent,
)
from db.intake import close_association, record_instance
from db.job_list import count_jobs, list_jobs, requeue_jobs
from db.jobs import ClaimLost, JobKind, JobState, bury_job
from db.reports import open_report, save_report
from db.session import reading, transaction
from db.states import AnalysisState, DeliveryState, ObjectKind
from db.tables import Analysis, Delivery, Job, Report, ResultObject, Study
from tests.db.ledger import (
    FRACTURE,
    NO_FRACTURE,
    analyse,
    associate,
    claim,
    deliver,
    open_claimed_report,
    outcome_of,
    receive,
    received,
    report,
    rows,
    settle,
)


def test_an_analysis_is_saved_with_all_it_found(ledger: Engine) -> None:
    receive(ledger, received(1, view_position="PA"))
    ours = claim(ledger, JobKind.ANALYSE)
    with reading(ledger) as session:
        image = load_analysis_input(session, ours.subject_id)
    assert (image.study_instance_uid, image.view_position) == ("1.2.3", "PA")
    with transaction(ledger) as session:
        save_analysis(session, ours, FRACTURE)
    (analysis,) = rows(ledger, Analysis)
    assert (analysis.state, analysis.region, analysis.boxes) == (
        "fracture",
        "wrist",
        FRACTURE.boxes,
    )
    assert rows(ledger, Job)[0].state is JobState.DONE


def test_a_stale_claim_saves_neither_analysis_nor_report(ledger: Engine) -> None:
    receive(ledger, received(1))
    stale = claim(ledger, JobKind.ANALYSE, lease_seconds=0)
    analyse(ledger, NO_FRACTURE)
    with pytest.raises(ClaimLost), transaction(ledger) as session:
        save_analysis(session, stale, FRACTURE)
    assert [analysis.state for analysis in rows(ledger, Analysis)] == ["none"]
    settle(ledger)
    old = claim(ledger, JobKind.REPORT, lease_seconds=0)
    with transaction(ledger) as session:
        subject = open_report(session, old)
    claim(ledger, JobKind.REPORT)
    with pytest.raises(ClaimLost), transaction(ledger) as session:
        save_report(session, old, subject, outcome_of(subject, "PACS"))
    for table in (Report, ResultObject, Delivery):
        assert rows(ledger, table) == []


def test_a_study_settles_when_quiet_closed_and_analysed(ledger: Engine) -> None:
    associate(ledger)
    with transaction(ledger) as session:
        record_instance(session, received(1))
    assert settle(ledger) == [], "not analysed"
    analyse(ledger, FRACTURE)
    assert settle(ledger) == [], "its association is open"
    with transaction(ledger) as session:
        close_association(session, "association-1")
    assert settle(ledger, quiet_seconds=60) == [], "not quiet"
    assert settle(ledger) == [1]
    assert settle(ledger) == [], "its report job is open"


def test_after_the_greatest_wait_a_study_settles_though_more_may_come(ledger: Engine) -> None:
    associate(ledger)
    with transaction(ledger) as session:
        record_instance(session, received(1))
    analyse(ledger, FRACTURE)
    assert settle(ledger, quiet_seconds=60, max_wait_seconds=600) == []
    assert settle(ledger, quiet_seconds=60, max_wait_seconds=0) == [1]


def test_a_quarantined_instance_keeps_no_study_waiting(ledger: Engine) -> None:
    receive(ledger, received(1), received(1, sha256="f" * 64))
    analyse(ledger, FRACTURE)
    assert settle(ledger) == [1]


def test_objects_that_are_no_images_get_no_report_and_reopen_none(ledger: Engine) -> None:
    other = received(9, is_image=False, not_analysed_reason="our own result came back")
    receive(ledger, other)
    assert settle(ledger) == []
    receive(ledger, received(1))
    analyse(ledger, FRACTURE)
    subject = report(ledger)
    assert [image.sop_instance_uid for image in subject.images] == ["1.2.3.1.1"]
    receive(ledger, replace(other, sop_instance_uid="1.2.3.1.10", sha256="e" * 64))
    assert settle(ledger) == []


def test_a_study_of_images_not_analysed_is_reported_with_their_reasons(ledger: Engine) -> None:
    receive(ledger, received(1, not_analysed_reason="modality CT"), received(2))
    ours = claim(ledger, JobKind.ANALYSE)
    with transaction(ledger) as session:
        bury_job(session, ours, error="decoder died")
        save_unanalysable(session, ours.subject_id, "decoder died")
    subject = report(ledger)
    assert [image.analysis.reason for image in subject.images] == ["modality CT", "decoder died"]


def test_a_blocked_study_loses_its_work_in_hand_and_settles_no_more(ledger: Engine) -> None:
    receive(ledger, received(1))
    analyse(ledger, FRACTURE)
    settle(ledger)
    ours, subject = open_claimed_report(ledger)
    receive(ledger, received(2, patient_id="P2"))
    with pytest.raises(ClaimLost), transaction(ledger) as session:
        save_report(session, ours, subject, outcome_of(subject, "PACS"))
    assert settle(ledger) == []
    with transaction(ledger) as session:
        assert requeue_jobs(session, [ours.job_id]) == 0


def test_a_report_run_again_is_the_same_report(ledger: Engine) -> None:
    receive(ledger, received(1))
    analyse(ledger, FRACTURE)
    settle(ledger)
    killed = claim(ledger, JobKind.REPORT, lease_seconds=0)
    with transaction(ledger) as session:
        first = open_report(session, killed)
    _, second = open_claimed_report(ledger)
    assert first == second


def test_a_report_brings_its_objects_and_a_consignment_for_each_destination(
    ledger: Engine,
) -> None:
    receive(ledger, received(1))
    analyse(ledger, FRACTURE)
    report(ledger, "PACS", "ARCHIVE")
    sr, capture, fallback = rows(ledger, ResultObject)
    assert [sr.kind, capture.kind, fallback.kind] == ["sr", "sc", "sr_fallback"]
    assert fallback.fallback_of_id == sr.id
    with reading(ledger) as session:
        orders = [load_consignment(session, number) for number in (1, 2)]
        assert count_jobs(session)[JobKind.DELIVER][JobState.WAITING] == 2
    assert [order.destination for order in orders] == ["PACS", "ARCHIVE"]
    for order in orders:
        kinds = [[candidate.kind for candidate in item.candidates] for item in order.items]
        assert kinds == [[ObjectKind.SR, ObjectKind.SR_FALLBACK], [ObjectKind.SC]]
    assert rows(ledger, Study)[0].unreported_since is None


def test_a_late_image_makes_the_next_revision_naming_its_predecessor(ledger: Engine) -> None:
    receive(ledger, received(1))
    analyse(ledger, FRACTURE)
    first = report(ledger)
    receive(ledger, received(2))
    analyse(ledger, NO_FRACTURE)
    second = report(ledger)
    assert (first.revision, second.revision) == (1, 2)
    assert len(second.images) == 2
    named = [(earlier.kind, earlier.sop_instance_uid) for earlier in second.predecessors]
    assert named == [("sr", "9.1.1.1"), ("sr_fallback", "9.1.1.2")]


@pytest.mark.parametrize("analysed_in_time", [True, False])
def test_an_image_that_comes_while_the_report_is_written_is_not_lost(
    ledger: Engine, analysed_in_time: bool
) -> None:
    receive(ledger, received(1))
    analyse(ledger, FRACTURE)
    settle(ledger)
    ours, subject = open_claimed_report(ledger)
    receive(ledger, received(2))
    if analysed_in_time:
        analyse(ledger, NO_FRACTURE)
    with transaction(ledger) as session:
        save_report(session, ours, subject, outcome_of(subject))
    if not analysed_in_time:
        assert settle(ledger) == []
        analyse(ledger, NO_FRACTURE)
    assert len(report(ledger).images) == 2
    assert settle(ledger) == []


def test_an_image_recorded_before_the_report_opens_but_analysed_after_is_not_lost(
    ledger: Engine,
) -> None:
    receive(ledger, received(1))
    analyse(ledger, FRACTURE)
    settle(ledger)
    receive(ledger, received(2))
    ours, subject = open_claimed_report(ledger)
    with transaction(ledger) as session:
        save_report(session, ours, subject, outcome_of(subject))
    analyse(ledger, NO_FRACTURE)
    assert len(report(ledger).images) == 2


def test_a_report_given_up_is_written_again_only_for_new_evidence(ledger: Engine) -> None:
    receive(ledger, received(1))
    analyse(ledger, FRACTURE)
    settle(ledger)
    with transaction(ledger) as session:
        session.execute(update(Job).values(next_attempt_at=database_now(-1)))
    ours = claim(ledger, JobKind.REPORT)
    with transaction(ledger) as session:
        bury_job(session, ours, error="no character set")
    assert settle(ledger, max_wait_seconds=0) == []
    receive(ledger, received(2))
    analyse(ledger, NO_FRACTURE)
    assert settle(ledger) == [1]


def test_an_analysis_a_person_asked_for_again_makes_a_new_revision(ledger: Engine) -> None:
    receive(ledger, received(1))
    ours = claim(ledger, JobKind.ANALYSE)
    with transaction(ledger) as session:
        bury_job(session, ours, error="out of memory")
        save_unanalysable(session, ours.subject_id, "out of memory")
    assert report(ledger).images[0].analysis.state is AnalysisState.NOT_ANALYSED
    with transaction(ledger) as session:
        assert requeue_jobs(session, [ours.job_id]) == 1
    analyse(ledger, FRACTURE)
    second = report(ledger)
    assert (second.revision, second.images[0].analysis.state) == (2, AnalysisState.FRACTURE)


def test_a_delivery_ends_sent_or_refused_and_a_refused_one_can_be_requeued(ledger: Engine) -> None:
    receive(ledger, received(1))
    analyse(ledger, FRACTURE)
    report(ledger, "PACS")
    ours = claim(ledger, JobKind.DELIVER)
    with transaction(ledger) as session:
        report_item, capture = load_consignment(session, ours.subject_id).items
        accepted = Acceptance(report_item.candidates[0].object_id, status=0, warning=None)
        mark_sent(session, ours, report_item.delivery_id, accepted)
        mark_refused(session, ours, capture.delivery_id, status=0xA900, error="no such class")
        assert finish_consignment(session, ours) is DeliveryState.REFUSED
    sent, refused = rows(ledger, Delivery)
    assert (sent.state, sent.status, sent.sent_object_id) == (DeliveryState.SENT, 0, 1)
    assert (refused.state, refused.status) == (DeliveryState.REFUSED, 0xA900)
    with reading(ledger) as session:
        (dead,) = list_jobs(session, states=[JobState.DEAD])
    assert (dead.subject, dead.last_error) == ("PACS 1.2.3", "no such class")
    with transaction(ledger) as session:
        assert requeue_jobs(session, [dead.job_id]) == 1
    deliver(ledger)
    assert {delivery.state for delivery in rows(ledger, Delivery)} == {DeliveryState.SENT}


def test_jobs_are_listed_by_the_uid_of_their_subject(ledger: Engine) -> None:
    receive(ledger, received(1))
    analyse(ledger, FRACTURE)
    report(ledger, "PACS")
    with reading(ledger) as session:
        subjects = [job.subject for job in list_jobs(session, states=list(JobState))]
    assert subjects == ["1.2.3.1.1", "1.2.3", "PACS 1.2.3"]
