"""Whether a destination keeps what it was sent: our questions, its answers, and what follows."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, and_, func, select, update
from sqlalchemy.orm import Session

from db.clock import database_now
from db.deliveries import StoredObject, as_stored
from db.jobs import OPEN, Claim, JobKind, add_job, finish_job, hold, put_off_job
from db.states import DeliveryState, JobState, Proof
from db.tables import CommitmentRequest, Consignment, Delivery, Job, Report, ResultObject, Study

# An object that a destination took and does not keep so many times needs a person.
MAX_SENDINGS = 3
NOT_KEPT = "{} times accepted and not kept: {}"


@dataclass(frozen=True)
class ConfirmationOrder:
    """What a destination has said that it has, and has not yet said that it keeps."""

    consignment_id: int
    destination: str
    study_instance_uid: str
    objects: tuple[StoredObject, ...]
    requests: int  # asked since the last sending: none of them settled it all
    last_sent_at: datetime | None  # what is sent later is not among the objects


def ask_for_proof(session: Session, consignment_id: int, destination: str) -> None:
    """A job that asks whether the destination keeps what it took; one that waits is woken."""
    priority = _priority_of(session, consignment_id)
    add_job(session, JobKind.CONFIRM, consignment_id, lane=destination, priority=priority)
    _wake(session, consignment_id)


def load_confirmation(session: Session, consignment_id: int) -> ConfirmationOrder:
    destination, study_instance_uid = session.execute(
        select(Consignment.destination, Study.study_instance_uid)
        .join(Report, Report.id == Consignment.report_id)
        .join(Study, Study.id == Report.study_id)
        .where(Consignment.id == consignment_id)
    ).one()
    # First: what is sent after this is perhaps not among the objects, and counts as sent since.
    last_sent_at = session.scalars(_last_sending(consignment_id)).one()
    requests = select(func.count()).where(
        CommitmentRequest.consignment_id == consignment_id,
        CommitmentRequest.asked_at >= _last_sending(consignment_id).scalar_subquery(),
    )
    return ConfirmationOrder(
        consignment_id=consignment_id,
        destination=destination,
        study_instance_uid=study_instance_uid,
        objects=_unproved(session, consignment_id),
        requests=session.execute(requests).scalar_one(),
        last_sent_at=last_sent_at,
    )


def save_request(session: Session, claim: Claim, transaction_uid: str) -> None:
    """Before the question is sent, so that even the fastest answer finds it."""
    hold(session, claim)
    session.add(CommitmentRequest(transaction_uid=transaction_uid, consignment_id=claim.subject_id))


def wait_for_answer(
    session: Session, claim: Claim, order: ConfirmationOrder, *, seconds: float
) -> None:
    """The destination has the question; its answer may come on an association of its own."""
    _hold(session, claim)
    if _sent_since(session, order):
        _ask_about_the_rest(session, claim)
    elif _unproved(session, claim.subject_id):
        put_off_job(session, claim, error="waits for the commitment", delay_seconds=seconds)
    else:
        finish_job(session, claim)


def record_answer(
    session: Session, transaction_uid: str, kept: Collection[str], failed: Mapping[str, str]
) -> bool:
    """A destination's N-EVENT-REPORT: SOP Instance UIDs it keeps, and does not, with the reason.

    False where we asked no such question; the same answer again changes nothing.
    """
    asked = select(CommitmentRequest).where(CommitmentRequest.transaction_uid == transaction_uid)
    request = session.scalars(asked).one_or_none()
    if request is None:
        return False
    _lock_jobs(session, request.consignment_id)
    session.refresh(request, with_for_update=True)
    if request.answered_at is None:
        request.answered_at = database_now()
        _settle(session, request.consignment_id, kept, failed, Proof.COMMITMENT)
        # What the answer leaves out is asked about when it would have been: not at once, for ever.
        if not _unproved(session, request.consignment_id):
            _wake(session, request.consignment_id)
    return True


def record_found(
    session: Session, claim: Claim, order: ConfirmationOrder, found: Collection[str], reason: str
) -> None:
    """What C-FIND showed: found is proof enough, what is not found is sent again for `reason`."""
    _hold(session, claim)
    missing = {one.sop_instance_uid for one in order.objects}.difference(found)
    _settle(session, claim.subject_id, found, dict.fromkeys(missing, reason), Proof.QUERY)
    _finish_or_go_on(session, claim, order)


def record_unprovable(session: Session, claim: Claim, order: ConfirmationOrder) -> None:
    """The destination offers no way to ask: its answer to the sending is all there is."""
    _hold(session, claim)
    _note_proof(session, claim.subject_id, Proof.NONE)
    _finish_or_go_on(session, claim, order)


def finish_confirmation(session: Session, claim: Claim, order: ConfirmationOrder) -> None:
    """All that was asked about is settled; what was sent meanwhile is asked about at once."""
    _hold(session, claim)
    _finish_or_go_on(session, claim, order)


def _finish_or_go_on(session: Session, claim: Claim, order: ConfirmationOrder) -> None:
    if _sent_since(session, order):
        _ask_about_the_rest(session, claim)
    else:
        finish_job(session, claim)


def _ask_about_the_rest(session: Session, claim: Claim) -> None:
    put_off_job(session, claim, error="more was sent meanwhile", delay_seconds=0)


def _sent_since(session: Session, order: ConfirmationOrder) -> bool:
    last_sent_at = session.scalars(_last_sending(order.consignment_id)).one()
    return last_sent_at != order.last_sent_at


def _last_sending(consignment_id: int) -> Select[datetime | None]:
    return select(func.max(Delivery.sent_at)).where(Delivery.consignment_id == consignment_id)


def _hold(session: Session, claim: Claim) -> None:
    """Keep the confirmation ours, and let no delivery of the same consignment end meanwhile."""
    _lock_jobs(session, claim.subject_id)
    hold(session, claim)


def _lock_jobs(session: Session, consignment_id: int) -> None:
    """Before the deliveries, and DELIVER before CONFIRM: in the order of the workers."""
    for kind in (JobKind.DELIVER, JobKind.CONFIRM):
        asked = select(Job.id).where(
            Job.kind == kind, Job.subject_id == consignment_id, Job.state.in_(OPEN)
        )
        session.execute(asked.with_for_update()).all()


def _settle(
    session: Session,
    consignment_id: int,
    kept: Collection[str],
    failed: Mapping[str, str],
    proof: Proof,
) -> None:
    any_failed = False
    for delivery, uid in _sent(session, consignment_id):
        if uid in kept:
            delivery.state, delivery.committed_at = DeliveryState.COMMITTED, database_now()
        elif uid in failed:
            any_failed = True
            _send_again(delivery, failed[uid])
    _note_proof(session, consignment_id, proof)
    if any_failed and not _is_blocked(session, consignment_id):
        # It sends the one again, and dies of what is refused: there a person finds it.
        lane = session.get_one(Consignment, consignment_id).destination
        priority = _priority_of(session, consignment_id)
        add_job(session, JobKind.DELIVER, consignment_id, lane=lane, priority=priority)


def _is_blocked(session: Session, consignment_id: int) -> bool:
    of_study = (
        select(Study.blocked_reason)
        .join(Report, Report.study_id == Study.id)
        .join(Consignment, Consignment.report_id == Report.id)
    )
    reason = session.scalars(of_study.where(Consignment.id == consignment_id)).one()
    return reason is not None


def _priority_of(session: Session, consignment_id: int) -> int:
    of_study = (
        select(Study.priority)
        .join(Report, Report.study_id == Study.id)
        .join(Consignment, Consignment.report_id == Report.id)
    )
    return session.scalars(of_study.where(Consignment.id == consignment_id)).one()


def _send_again(delivery: Delivery, reason: str) -> None:
    if delivery.sendings >= MAX_SENDINGS:
        delivery.state = DeliveryState.REFUSED
        delivery.reason = NOT_KEPT.format(delivery.sendings, reason)
    else:
        delivery.state, delivery.reason = DeliveryState.QUEUED, f"not kept: {reason}"


def _note_proof(session: Session, consignment_id: int, proof: Proof) -> None:
    """Of several objects proved in different ways, the weakest is what can be said of all."""
    consignment = session.get_one(Consignment, consignment_id)
    by_query = proof is Proof.COMMITMENT and consignment.proof is Proof.QUERY
    consignment.proof = Proof.QUERY if by_query else proof


def _wake(session: Session, consignment_id: int) -> None:
    """The job that waits for an answer has something to do: to end, or to ask about more."""
    waits = and_(
        Job.kind == JobKind.CONFIRM,
        Job.subject_id == consignment_id,
        Job.state == JobState.WAITING,
    )
    session.execute(
        update(Job)
        .where(waits)
        .values(next_attempt_at=database_now())
        .execution_options(synchronize_session=False)
    )


def _sent(session: Session, consignment_id: int) -> list[tuple[Delivery, str]]:
    asked = (
        select(Delivery, ResultObject.sop_instance_uid)
        .join(ResultObject, ResultObject.id == Delivery.sent_object_id)
        .where(Delivery.consignment_id == consignment_id, Delivery.state == DeliveryState.SENT)
        .order_by(Delivery.id)
        .with_for_update(of=Delivery)
    )
    return [(delivery, uid or "") for delivery, uid in session.execute(asked)]


def _unproved(session: Session, consignment_id: int) -> tuple[StoredObject, ...]:
    asked = (
        select(ResultObject)
        .join(Delivery, Delivery.sent_object_id == ResultObject.id)
        .where(
            Delivery.consignment_id == consignment_id,
            Delivery.state == DeliveryState.SENT,
            ResultObject.sop_instance_uid.is_not(None),
        )
        .order_by(Delivery.id)
    )
    return tuple(as_stored(row) for row in session.scalars(asked))
