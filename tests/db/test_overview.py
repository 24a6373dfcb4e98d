"""What a passer-by sees of the ledger: the newest studies, their reasons, and what was given up."""

from sqlalchemy import Engine

from db.jobs import JobKind, bury_job
from db.overview import (
    DeadJobs,
    count_studies,
    dead_jobs_by_reason,
    image_reasons,
    newest_studies,
)
from db.session import reading, transaction
from tests.db.ledger import FRACTURE, analyse, claim, receive, received, report


def test_the_newest_studies_come_first_and_no_more_than_asked(ledger: Engine) -> None:
    for study in ("1.9", "1.5", "1.7"):
        receive(ledger, received(1, study=study))
    receive(ledger, received(2, study="1.9"))
    with reading(ledger) as session:
        assert [one.study_instance_uid for one in newest_studies(session, limit=2)] == [
            "1.7",
            "1.5",
        ]
        assert count_studies(session) == 3


def test_an_outline_is_what_the_view_says(ledger: Engine) -> None:
    receive(ledger, received(1))
    analyse(ledger, FRACTURE)
    report(ledger, "PACS")
    with reading(ledger) as session:
        (outline,) = newest_studies(session, limit=50)
    assert (outline.state, outline.finding, outline.probability) == ("reported", "fracture", 0.9)
    assert (outline.images, outline.deliveries, outline.deliveries_sent) == (1, 2, 0)
    assert outline.reported_at is not None
    assert outline.received_at <= outline.reported_at


def test_an_empty_ledger_has_nothing_to_show(ledger: Engine) -> None:
    with reading(ledger) as session:
        assert newest_studies(session, limit=50) == []
        assert image_reasons(session, []) == {}
        assert dead_jobs_by_reason(session, limit=10) == []


def test_reasons_are_told_once_for_each_study_that_was_asked_for(ledger: Engine) -> None:
    receive(
        ledger,
        received(1, not_analysed_reason="no pixels"),
        received(2, not_analysed_reason="no pixels"),
        received(3, not_analysed_reason="modality CT"),
        received(4, is_image=False, not_analysed_reason="no image: SR"),
        received(1, study="4.5.6", not_analysed_reason="too small"),
        received(1, study="7.8.9"),
    )
    with reading(ledger) as session:
        told = image_reasons(session, ["1.2.3", "7.8.9"])
    assert told == {"1.2.3": ["modality CT", "no pixels"]}


def test_dead_jobs_are_counted_by_kind_and_reason(ledger: Engine) -> None:
    receive(ledger, *(received(number) for number in range(1, 5)))
    for error in ("decoder died", "out of memory", "decoder died"):
        given_up = claim(ledger, JobKind.ANALYSE)
        with transaction(ledger) as session:
            bury_job(session, given_up, error=error)
    with reading(ledger) as session:
        told = dead_jobs_by_reason(session, limit=10)
        assert dead_jobs_by_reason(session, limit=1) == told[:1]
    assert told == [
        DeadJobs(JobKind.ANALYSE, "decoder died", 2),
        DeadJobs(JobKind.ANALYSE, "out of memory", 1),
    ]
