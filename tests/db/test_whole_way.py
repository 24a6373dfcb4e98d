"""All the node's doings at once, by workers that die at any point: every image gets reported."""

import random
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import replace

import pytest
from sqlalchemy import Engine, func, select

from db.analyses import save_analysis
from db.destinations import open_lanes
from db.intake import OpenedAssociation, close_association, open_association, record_instance
from db.job_list import count_jobs
from db.jobs import Claim, ClaimLost, JobKind, JobState, Lane, claim_job, offer_due_jobs
from db.reports import open_report, save_report
from db.session import open_ledger, reading, transaction
from db.settling import settle_studies
from db.tables import Delivery, Instance, Job, Report, Study
from tests.db.ledger import FRACTURE, outcome_of, received, rows, send_all

STUDIES = 3
ASSOCIATIONS = 3
IMAGES_EACH = 4
LEASE_SECONDS = 0.2
PATIENCE_SECONDS = 60


@pytest.mark.slow
def test_every_image_is_in_its_studys_last_report(ledger_url: str) -> None:
    engine = open_ledger(ledger_url)
    failures: list[BaseException] = []
    senders = [
        _start(failures, _send, engine, study, association)
        for study in range(STUDIES)
        for association in range(ASSOCIATIONS)
    ]
    workers = [_start(failures, _work, engine, seed, senders) for seed in range(4)]
    for thread in [*senders, *workers]:
        thread.join()
    assert failures == []
    _all_is_reported_and_delivered(engine)


def _all_is_reported_and_delivered(engine: Engine) -> None:
    assert len(rows(engine, Instance)) == STUDIES * ASSOCIATIONS * IMAGES_EACH
    assert {job.state for job in rows(engine, Job)} == {JobState.DONE}
    assert {delivery.state for delivery in rows(engine, Delivery)} == {"sent"}
    assert [study.unreported_since for study in rows(engine, Study)] == [None] * STUDIES
    for study in rows(engine, Study):
        reports = [report for report in rows(engine, Report) if report.study_id == study.id]
        assert [report.revision for report in reports] == list(range(1, len(reports) + 1))
        assert reports[-1].probability == ASSOCIATIONS * IMAGES_EACH, "images in the last report"


def _send(engine: Engine, study: int, association: int) -> None:
    association_id = f"{study}.{association}"
    with transaction(engine) as session:
        open_association(session, OpenedAssociation(association_id, "L", "A", "B", "127.0.0.1"))
    for number in range(IMAGES_EACH):
        time.sleep(random.uniform(0, 0.1))
        image = received(
            association * 100 + number, study=f"1.{study}", association_id=association_id
        )
        with transaction(engine) as session:
            record_instance(session, image)
    with transaction(engine) as session:
        close_association(session, association_id)


def _work(engine: Engine, seed: int, senders: Collection[threading.Thread]) -> None:
    chance = random.Random(seed)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not _is_all_done(engine, senders):
        assert time.monotonic() < deadline, "the work does not come to its end"
        with transaction(engine) as session:
            settle_studies(session, quiet_seconds=0.05, max_wait_seconds=1)
        for kind in _DO:
            with transaction(engine) as session:
                lanes = [Lane(kind), *(lane for lane, _ in open_lanes(session, kind))]
                ids = [
                    job_id
                    for lane in lanes
                    for job_id in offer_due_jobs(
                        session, lane, window=10, offer_seconds=LEASE_SECONDS
                    )
                ]
            for job_id in ids:
                _attempt(engine, job_id, chance)


def _is_all_done(engine: Engine, senders: Collection[threading.Thread]) -> bool:
    if any(sender.is_alive() for sender in senders):
        return False
    with reading(engine) as session:
        unreported = select(func.count()).where(Study.unreported_since.is_not(None))
        if session.execute(unreported).scalar_one():
            return False
        return all(
            counts[JobState.WAITING] + counts[JobState.RUNNING] == 0
            for counts in count_jobs(session).values()
        )


def _attempt(engine: Engine, job_id: int, chance: random.Random) -> None:
    with transaction(engine) as session:
        claim = claim_job(session, job_id, lease_seconds=LEASE_SECONDS)
    if claim is None or chance.random() < 0.1:
        return  # died holding it
    if chance.random() < 0.05:
        time.sleep(1.5 * LEASE_SECONDS)  # stopped for a while: another may have it by now
    try:
        _DO[claim.kind](engine, claim)
    except ClaimLost:
        return


def _analyse(engine: Engine, claim: Claim) -> None:
    with transaction(engine) as session:
        save_analysis(session, claim, FRACTURE)


def _report(engine: Engine, claim: Claim) -> None:
    with transaction(engine) as session:
        subject = open_report(session, claim)
    outcome = outcome_of(subject, "PACS")
    counted = replace(outcome, probability=len(subject.images))
    with transaction(engine) as session:
        save_report(session, claim, subject, counted)


def _deliver(engine: Engine, claim: Claim) -> None:
    with transaction(engine) as session:
        send_all(session, claim)


_DO: dict[JobKind, Callable[[Engine, Claim], None]] = {
    JobKind.ANALYSE: _analyse,
    JobKind.REPORT: _report,
    JobKind.DELIVER: _deliver,
}


def _start(
    failures: list[BaseException], act: Callable[..., None], *args: object
) -> threading.Thread:
    def run() -> None:
        try:
            act(*args)
        except BaseException as failure:  # noqa: BLE001 - whatever it is, the test shows it
            failures.append(failure)

    thread = threading.Thread(target=run)
    thread.start()
    return thread
