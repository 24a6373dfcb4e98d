"""The story of a study: each image analysed as it comes, the quiet study reported, results sent.

Every step works under a claim and writes its outcome in one transaction under that claim's fence:
a step that dies half way leaves nothing behind but a job that is offered again.
"""

import structlog
from sqlalchemy.orm import Session

from db.analyses import load_analysis_input, save_analysis, save_unanalysable
from db.deliveries import load_delivery, mark_refused, mark_sent
from db.jobs import BuriedJob, Claim, JobKind, bury_exhausted_jobs
from db.jobs import offer_due_jobs as offer_jobs
from db.reports import open_report, save_report
from db.session import reading, transaction
from db.settling import settle_studies
from dicom_node.sender import PeerRefused
from worker.dispatch import destination_named, object_id_of, sendable
from worker.examination import examine
from worker.kitchen import Kitchen
from worker.reporting import make_report
from worker.retrying import RETRY_POLICIES

log = structlog.get_logger(__name__)

# Offers outstanding at once per queue: enough to keep every worker busy, few enough that a broker
# that forgets them all costs a short wait.
_OFFER_WINDOW = 64
_OFFER_SECONDS = 30


def offer_due_jobs(kitchen: Kitchen) -> list[tuple[JobKind, int]]:
    """What the beat does every second: settles what is quiet, then offers all that is due."""
    waits = kitchen.plan.waits
    with transaction(kitchen.ledger) as session:
        settle_studies(
            session,
            quiet_seconds=waits.quiet_seconds,
            max_wait_seconds=waits.max_wait_seconds,
        )
        for job in bury_exhausted_jobs(session, RETRY_POLICIES):
            account_for_dead_job(session, job)
        return [
            (kind, job_id)
            for kind in JobKind
            for job_id in offer_jobs(
                session, kind, window=_OFFER_WINDOW, offer_seconds=_OFFER_SECONDS
            )
        ]


def analyse_instance(kitchen: Kitchen, claim: Claim) -> None:
    """Decode, predict, explain; an image that cannot be analysed is a result with its reason."""
    with reading(kitchen.ledger) as session:
        subject = load_analysis_input(session, claim.subject_id)
    record = examine(kitchen, subject)
    with transaction(kitchen.ledger) as session:
        save_analysis(session, claim, record)
    log.info("analysed", instance=subject.sop_instance_uid, state=record.state.value)


def report_study(kitchen: Kitchen, claim: Claim) -> None:
    """Aggregate the findings, build the report, keep its bytes, queue its deliveries."""
    with transaction(kitchen.ledger) as session:
        subject = open_report(session, claim)
    outcome = make_report(kitchen, subject)
    with transaction(kitchen.ledger) as session:
        save_report(session, claim, subject, outcome)
    log.info("reported", study=subject.study_instance_uid, revision=subject.revision)


def deliver_object(kitchen: Kitchen, claim: Claim) -> None:
    """Send one result to one destination, byte for byte as it was kept."""
    with reading(kitchen.ledger) as session:
        order = load_delivery(session, claim.subject_id)
    destination = destination_named(kitchen, order.destination)
    try:
        sent = kitchen.sender.send(destination, sendable(kitchen, order))
    except PeerRefused as refusal:
        with transaction(kitchen.ledger) as session:
            mark_refused(session, claim, status=refusal.status, error=str(refusal))
        log.error("refused", destination=order.destination, study=order.study_instance_uid)
        return
    with transaction(kitchen.ledger) as session:
        mark_sent(
            session,
            claim,
            status=sent.status,
            warning=sent.warning,
            sent_object_id=object_id_of(order, sent),
        )
    log.info("delivered", destination=order.destination, study=order.study_instance_uid)


def account_for_dead_job(session: Session, job: BuriedJob) -> None:
    """An image whose analysis was given up is a result with its reason: its study goes on."""
    log.error("job_dead", job=job.job_id, kind=job.kind.value, error=job.error)
    if job.kind is JobKind.ANALYSE:
        save_unanalysable(session, job.subject_id, job.error)
