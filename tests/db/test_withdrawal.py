"""Withdrawing a model version: what is looked at again, and what its report has to take back."""

from dataclasses import replace

from sqlalchemy import Engine, select

from db.jobs import JobKind, JobState
from db.session import reading
from db.states import AnalysisState
from db.tables import Job
from db.withdrawal import Withdrawal, count_results_of, withdrawn_reason
from tests.db.ledger import (
    FRACTURE,
    analyse,
    deliver,
    open_claimed_report,
    receive,
    received,
    report,
    rows,
    settle,
    withdraw,
)

NEWER = replace(FRACTURE, model_version="2.0")
BLIND = replace(
    FRACTURE,
    state=AnalysisState.NOT_ANALYSED,
    model_name="",
    model_version="",
    reason="model 1.0 was withdrawn: it missed wrists",
)


def reported(ledger: Engine) -> None:
    receive(ledger, received(1), received(2), received(1, study="4.5.6"))
    analyse(ledger, FRACTURE, FRACTURE, NEWER)
    for _ in range(2):
        report(ledger, "PACS")
        deliver(ledger)


def open_analyses(ledger: Engine) -> list[int]:
    return [
        job.subject_id
        for job in rows(ledger, Job)
        if job.kind is JobKind.ANALYSE and job.state is JobState.WAITING
    ]


def test_every_image_of_the_version_is_looked_at_again(ledger: Engine) -> None:
    reported(ledger)
    with reading(ledger) as session:
        assert count_results_of(session, "1.0") == Withdrawal(studies=1, images=2)
        assert count_results_of(session, "3.0") == Withdrawal(studies=0, images=0)
        assert withdrawn_reason(session, "1.0") is None
    withdraw(ledger, "1.0")
    assert open_analyses(ledger) == [1, 2]
    with reading(ledger) as session:
        assert withdrawn_reason(session, "1.0") == "model 1.0 was withdrawn: it missed wrists"
        assert withdrawn_reason(session, "2.0") is None
        priorities = set(session.scalars(select(Job.priority).where(Job.state == "waiting")))
    assert max(priorities - {0}, default=-1) < 0, "they wait for what comes in today"


def test_an_image_that_another_version_has_looked_at_since_is_left_alone(ledger: Engine) -> None:
    reported(ledger)
    withdraw(ledger, "1.0")
    analyse(ledger, NEWER, NEWER)
    withdraw(ledger, "1.0")
    assert open_analyses(ledger) == []


def test_what_no_model_looked_at_is_asked_for_once_more(ledger: Engine) -> None:
    reported(ledger)
    withdraw(ledger, "1.0")
    analyse(ledger, BLIND, BLIND)
    assert open_analyses(ledger) == []
    withdraw(ledger, "1.0")
    assert open_analyses(ledger) == [1, 2]


def test_the_next_report_takes_back_what_was_sent_and_says_why_once(ledger: Engine) -> None:
    reported(ledger)
    withdraw(ledger, "1.0")
    analyse(ledger, NEWER, NEWER)
    settle(ledger)
    _, subject = open_claimed_report(ledger)
    assert subject.withdrawn is not None
    assert {one.sop_instance_uid for one in subject.withdrawn.objects} == {"9.1.1.1", "9.1.1.3"}
    assert subject.withdrawn.reason == "model 1.0 was withdrawn: it missed wrists"
    assert {one.sop_instance_uid for one in subject.predecessors} == {"9.1.1.1", "9.1.1.2"}


def test_a_report_after_that_takes_nothing_back(ledger: Engine) -> None:
    reported(ledger)
    withdraw(ledger, "1.0")
    analyse(ledger, NEWER, NEWER)
    report(ledger, "PACS")
    receive(ledger, received(3))
    analyse(ledger, NEWER)
    settle(ledger)
    _, subject = open_claimed_report(ledger)
    assert (subject.revision, subject.withdrawn) == (3, None)
