"""A study that is reported again, and what a destination has of it: made, asked and told."""

from collections.abc import Collection, Sequence
from dataclasses import replace

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from db.deliveries import (
    Acceptance,
    Choice,
    finish_consignment,
    load_consignment,
    mark_sent,
    may_send,
    save_choice,
)
from db.jobs import (
    Claim,
    JobKind,
    JobState,
)
from db.reports import ReportObject, ReportOutcome, save_report
from db.results import delivery_results, study_results
from db.session import reading, transaction
from db.states import AnalysisState, ObjectKind
from db.tables import Consignment, Delivery, Job, ResultObject
from tests.db.ledger import (
    FRACTURE,
    analyse,
    claim,
    open_claimed_report,
    receive,
    received,
    report,
    rows,
    settle,
)

NEWER = replace(FRACTURE, model_version="2.0")
ALL_TAKEN = Choice("all", "everything is accepted", omitted={})
on_sqlite = pytest.mark.parametrize("ledger_url", ["sqlite"], indirect=True)


def a_late_image_is_reported(ledger: Engine, *destinations: str) -> None:
    receive(ledger, received(2))
    analyse(ledger, FRACTURE)
    report(ledger, *destinations)


def a_report_is_being_sent(ledger: Engine) -> Claim:
    """Of one image, with its picture, to the PACS alone."""
    receive(ledger, received(1))
    analyse(ledger, FRACTURE)
    report(ledger, "PACS")
    return claim(ledger, JobKind.DELIVER)


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
