"""The story of a study: each image analysed as it comes, the quiet study reported, results sent.

Every step works under a claim and writes its outcome in one transaction under that claim's fence:
a step that dies half way leaves nothing behind but a job that is offered again.
"""

from dataclasses import dataclass

import structlog
from sqlalchemy.orm import Session

from db.analyses import load_analysis_input, save_analysis, save_unanalysable
from db.clock_steps import Look, cut_waits, look_at_clock, move_waits, step_seconds
from db.commitments import ask_for_proof, load_confirmation
from db.deliveries import finish_consignment, load_consignment
from db.destinations import open_lanes
from db.jobs import BuriedJob, Claim, JobKind, Lane, bury_exhausted_jobs, lane_of
from db.jobs import offer_due_jobs as offer_jobs
from db.peer_requests import answer_lanes, load_peer_request, mark_answered
from db.reports import open_report, save_report
from db.session import reading, transaction
from db.settling import settle_studies
from db.withdrawal import withdrawn_reason
from worker.answering import tell_peer_what_is_kept
from worker.confirming import seek_proof
from worker.delivering import destination_named, send_consignment, watched
from worker.examination import examine
from worker.kitchen import Kitchen
from worker.memory import return_free_memory
from worker.reporting import make_report
from worker.retrying import RETRY_POLICIES
from worker.shadow import score_in_shadow

log = structlog.get_logger(__name__)

# Offers outstanding at once per queue: enough to keep every worker busy, few enough that a broker
# that forgets them all costs a short wait.
_OFFER_WINDOW = 64
_OFFER_SECONDS = 30
_TO_DESTINATIONS = (JobKind.DELIVER, JobKind.CONFIRM)


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
            (lane.kind, job_id)
            for kind in JobKind
            for lane, window in _lanes(session, kind)
            for job_id in offer_jobs(session, lane, window=window, offer_seconds=_OFFER_SECONDS)
        ]


@dataclass
class ClockWatch:
    """Sees to it that waits and leases outlast a step of the database's clock."""

    _before: Look | None = None

    def mind(self, kitchen: Kitchen) -> None:
        """Looks at the clock, and moves what waits where it has stepped since the last look.

        At the first look nobody knows of a step: what waits for longer than it may is cut short.
        """
        with reading(kitchen.ledger) as session:
            now = look_at_clock(session)
        if now is None:
            return
        if self._before is None:
            with transaction(kitchen.ledger) as session:
                cut_waits(session)
        elif stepped := step_seconds(self._before, now):
            lease_seconds = kitchen.plan.waits.lease_seconds
            with transaction(kitchen.ledger) as session:
                move_waits(session, self._before, now, lease_seconds=lease_seconds)
            log.warning("clock_stepped", seconds=round(stepped))
        self._before = now


def next_for_destination(kitchen: Kitchen, job_id: int) -> int | None:
    """The next job for the same destination or peer, which need not wait for the beat."""
    with transaction(kitchen.ledger) as session:
        done = lane_of(session, job_id)
        for lane, window in _lanes(session, done.kind) if done.name else ():
            if lane == done:
                ids = offer_jobs(session, lane, window=window, offer_seconds=_OFFER_SECONDS, most=1)
                return ids[0] if ids else None
    return None


def _lanes(session: Session, kind: JobKind) -> list[tuple[Lane, int]]:
    """What speaks to others goes by destination or peer, all else together: none holds up another.

    With each its window.
    """
    if kind in _TO_DESTINATIONS:
        return open_lanes(session, kind)
    if kind is JobKind.ANSWER:
        return answer_lanes(session)
    return [(Lane(kind), _OFFER_WINDOW)]


def analyse_instance(kitchen: Kitchen, claim: Claim) -> None:
    """Decode, predict, explain; an image that cannot be analysed is a result with its reason."""
    with reading(kitchen.ledger) as session:
        subject = load_analysis_input(session, claim.subject_id)
        withdrawn = withdrawn_reason(session, kitchen.card.version)
    examined = examine(kitchen, subject, withdrawn)
    with transaction(kitchen.ledger) as session:
        save_analysis(session, claim, examined.record)
    log.info("analysed", instance=subject.sop_instance_uid, state=examined.record.state.value)
    score_in_shadow(kitchen, subject.instance_id, examined.radiographs)


def report_study(kitchen: Kitchen, claim: Claim) -> None:
    """Aggregate the findings, build the report, keep its bytes, queue its deliveries."""
    with transaction(kitchen.ledger) as session:
        subject = open_report(session, claim)
    outcome = make_report(kitchen, subject)
    with transaction(kitchen.ledger) as session:
        save_report(session, claim, subject, outcome)
    return_free_memory()
    log.info("reported", study=subject.study_instance_uid, revision=subject.revision)


def deliver_report(kitchen: Kitchen, claim: Claim) -> None:
    """Send a destination what it takes of a report, byte for byte as it was kept."""
    with reading(kitchen.ledger) as session:
        order = load_consignment(session, claim.subject_id)
    destination = destination_named(kitchen, order.destination)
    with watched(kitchen, destination.name):
        send_consignment(kitchen, claim, destination, order)
    with transaction(kitchen.ledger) as session:
        outcome = finish_consignment(session, claim)
        if destination.prove:
            ask_for_proof(session, order.consignment_id, order.destination)
    log.info("delivered", destination=order.destination, outcome=outcome.value)


def confirm_delivery(kitchen: Kitchen, claim: Claim) -> None:
    """Ask a destination whether it keeps what it took: only then is it safe there.

    That it does not answer this says nothing about what it takes: deliveries go on.
    """
    with reading(kitchen.ledger) as session:
        order = load_confirmation(session, claim.subject_id)
    seek_proof(kitchen, claim, destination_named(kitchen, order.destination), order)


def answer_peer(kitchen: Kitchen, claim: Claim) -> None:
    """Tell a peer that asked whether we keep what it sent us."""
    with reading(kitchen.ledger) as session:
        request = load_peer_request(session, claim.subject_id)
    tell_peer_what_is_kept(kitchen, claim, request)
    with transaction(kitchen.ledger) as session:
        mark_answered(session, claim)


def account_for_dead_job(session: Session, job: BuriedJob) -> None:
    """An image whose analysis was given up is a result with its reason: its study goes on."""
    log.error("job_dead", job=job.job_id, kind=job.kind.value, error=job.error)
    if job.kind is JobKind.ANALYSE:
        save_unanalysable(session, job.subject_id, job.error)
