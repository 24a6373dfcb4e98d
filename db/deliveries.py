"""What one destination gets of a report: what to send it, what it took, and what it keeps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session, aliased

from db.clock import database_now
from db.jobs import Claim, JobKind, add_job, bury_job, finish_job, hold, put_off_job
from db.states import AnalysisState, DeliveryState, ObjectKind
from db.studies import add_evidence, lock_study
from db.superseding import supersede_consignment
from db.tables import (
    Analysis,
    Consignment,
    Delivery,
    Instance,
    Report,
    ResultObject,
    Series,
    Study,
)
from db.withdrawal import withdrawn_results


@dataclass(frozen=True)
class StoredObject:
    """An object as it lies in the spool; no UIDs: it is no DICOM object."""

    object_id: int
    kind: ObjectKind
    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str
    spool_key: str
    sha256: str
    size_bytes: int
    instance_id: int | None  # the received image it shows


@dataclass(frozen=True)
class Item:
    """One delivery: the object, then what may go in its place; where it stands."""

    delivery_id: int
    state: DeliveryState
    candidates: tuple[StoredObject, ...]

    @property
    def kind(self) -> ObjectKind:
        return self.candidates[0].kind


@dataclass(frozen=True)
class ConsignmentOrder:
    """A report on its way to a destination."""

    consignment_id: int
    destination: str
    study_instance_uid: str
    revision: int
    state: AnalysisState
    is_partial: bool  # an image was not analysed
    kinds_before: frozenset[ObjectKind]  # what the destination has of earlier revisions
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Choice:
    """Which objects a destination gets, and why; those it does not get by their delivery's id."""

    rung: str
    reason: str
    omitted: dict[int, str]


@dataclass(frozen=True)
class Acceptance:
    """What the destination answered to one object."""

    sent_object_id: int
    status: int | None
    warning: str | None


def load_consignment(session: Session, consignment_id: int) -> ConsignmentOrder:
    row = session.execute(
        select(Consignment, Report, Study.study_instance_uid)
        .join(Report, Report.id == Consignment.report_id)
        .join(Study, Study.id == Report.study_id)
        .where(Consignment.id == consignment_id)
    ).one()
    consignment, report, study_instance_uid = row
    return ConsignmentOrder(
        consignment_id=consignment_id,
        destination=consignment.destination,
        study_instance_uid=study_instance_uid,
        revision=report.revision,
        state=report.state,
        is_partial=_is_partial(session, report),
        kinds_before=_kinds_before(session, report, consignment.destination),
        items=_load_items(session, consignment_id),
    )


def save_choice(session: Session, claim: Claim, choice: Choice) -> None:
    """What is not for this destination is done with; what was omitted before may be sent now."""
    hold(session, claim)
    consignment = session.get_one(Consignment, claim.subject_id)
    consignment.rung, consignment.rung_reason = choice.rung, choice.reason
    ours = select(Delivery).where(Delivery.consignment_id == claim.subject_id)
    for delivery in session.scalars(ours):
        _choose(delivery, choice)


def may_send(session: Session, claim: Claim, delivery_id: int) -> bool:
    """Asked right before it is sent: whether it still waits, and nothing newer came first."""
    hold(session, claim)
    supersede_consignment(session, session.get_one(Consignment, claim.subject_id))
    return session.get_one(Delivery, delivery_id).state is DeliveryState.QUEUED


def _choose(delivery: Delivery, choice: Choice) -> None:
    if delivery.state not in (DeliveryState.QUEUED, DeliveryState.OMITTED):
        return  # what the destination has, or refused, it has whatever it accepts today
    if delivery.id in choice.omitted:
        delivery.state, delivery.reason = DeliveryState.OMITTED, choice.omitted[delivery.id]
    elif delivery.state is DeliveryState.OMITTED:
        delivery.state, delivery.reason = DeliveryState.QUEUED, None


def mark_sent(session: Session, claim: Claim, delivery_id: int, accepted: Acceptance) -> None:
    """The peer has the object, whatever it warned of."""
    hold(session, claim)
    _update(
        session,
        delivery_id,
        state=DeliveryState.SENT,
        reason=None,
        sent_object_id=accepted.sent_object_id,
        status=accepted.status,
        warning=accepted.warning,
        sendings=Delivery.sendings + 1,
        sent_at=database_now(),
    )


def mark_refused(
    session: Session, claim: Claim, delivery_id: int, *, status: int | None, error: str
) -> None:
    """The peer refuses the object for good (no status: its SOP class).

    What was superseded meanwhile was not to be sent any more, and needs no person.
    """
    hold(session, claim)
    if session.get_one(Delivery, delivery_id).state is not DeliveryState.SUPERSEDED:
        _update(session, delivery_id, state=DeliveryState.REFUSED, status=status, reason=error)


def finish_consignment(session: Session, claim: Claim) -> DeliveryState:
    """All was tried: the job is done, or dead where something was refused for good."""
    study = _lock_study_of(session, claim.subject_id)
    hold(session, claim)
    if withdrawn_results(session, study.id) is not None:
        add_evidence(study)  # its model was withdrawn while it was sent: a report takes it back
    refusals = _refusals(session, claim.subject_id)
    if refusals:
        bury_job(session, claim, error="; ".join(refusals))
        return DeliveryState.REFUSED
    if _has_queued(session, claim.subject_id):
        # An answer that came meanwhile asks for something to be sent again.
        put_off_job(session, claim, error="more to send", delay_seconds=0)
        return DeliveryState.QUEUED
    finish_job(session, claim)
    return DeliveryState.SENT


def _lock_study_of(session: Session, consignment_id: int) -> Study:
    asked = (
        select(Report.study_id)
        .join(Consignment, Consignment.report_id == Report.id)
        .where(Consignment.id == consignment_id)
    )
    return lock_study(session, session.scalars(asked).one())


def queue_consignments(
    session: Session, report_id: int, object_ids: Mapping[str, Sequence[int]], *, priority: int
) -> None:
    """A consignment for each destination that gets something of the report, and its job."""
    for destination, ids in object_ids.items():
        consignment = Consignment(report_id=report_id, destination=destination)
        session.add(consignment)
        session.flush()
        session.add_all(Delivery(consignment_id=consignment.id, object_id=one) for one in ids)
        session.flush()
        add_job(session, JobKind.DELIVER, consignment.id, lane=destination, priority=priority)


def _is_partial(session: Session, report: Report) -> bool:
    """Of each image the analysis counts that was the latest when the report was written."""
    seen = aliased(Analysis)
    latest = select(func.max(seen.id)).where(
        seen.instance_id == Analysis.instance_id, seen.evidence_version <= report.evidence_version
    )
    asked = (
        select(Analysis.id)
        .join(Instance, Instance.id == Analysis.instance_id)
        .join(Series, Series.id == Instance.series_id)
        .where(Series.study_id == report.study_id, Instance.is_image)
        .where(Instance.quarantine_reason.is_(None))
        .where(Analysis.state == AnalysisState.NOT_ANALYSED)
        .where(Analysis.id == latest.scalar_subquery())
    )
    return session.scalars(asked.limit(1)).one_or_none() is not None


def _kinds_before(session: Session, report: Report, destination: str) -> frozenset[ObjectKind]:
    asked = (
        select(ResultObject.kind)
        .join(Delivery, Delivery.object_id == ResultObject.id)
        .join(Consignment, Consignment.id == Delivery.consignment_id)
        .join(Report, Report.id == Consignment.report_id)
        .where(
            Report.study_id == report.study_id,
            Report.revision < report.revision,
            Consignment.destination == destination,
            Delivery.state.in_((DeliveryState.SENT, DeliveryState.COMMITTED)),
        )
        .distinct()
    )
    return frozenset(session.scalars(asked))


def _has_queued(session: Session, consignment_id: int) -> bool:
    queued = select(func.count()).where(
        Delivery.consignment_id == consignment_id, Delivery.state == DeliveryState.QUEUED
    )
    return session.execute(queued).scalar_one() > 0


def _refusals(session: Session, consignment_id: int) -> list[str]:
    asked = (
        select(Delivery.reason)
        .where(Delivery.consignment_id == consignment_id, Delivery.state == DeliveryState.REFUSED)
        .distinct()
        .order_by(Delivery.reason)
    )
    return [reason or "refused" for reason in session.scalars(asked)]


def _load_items(session: Session, consignment_id: int) -> tuple[Item, ...]:
    # A fallback is always saved after its primary. Each half of the condition has its index.
    is_candidate = or_(
        ResultObject.id == Delivery.object_id, ResultObject.fallback_of_id == Delivery.object_id
    )
    asked = (
        select(Delivery, ResultObject)
        .join(ResultObject, is_candidate)
        .where(Delivery.consignment_id == consignment_id)
        .order_by(Delivery.id, ResultObject.id)
    )
    found: dict[int, Item] = {}
    for delivery, stored in session.execute(asked):
        before = found[delivery.id].candidates if delivery.id in found else ()
        found[delivery.id] = Item(delivery.id, delivery.state, (*before, as_stored(stored)))
    return tuple(found.values())


def as_stored(row: ResultObject) -> StoredObject:
    return StoredObject(
        object_id=row.id,
        kind=row.kind,
        sop_class_uid=row.sop_class_uid or "",
        sop_instance_uid=row.sop_instance_uid or "",
        series_instance_uid=row.series_instance_uid or "",
        spool_key=row.spool_key,
        sha256=row.sha256,
        size_bytes=row.size_bytes,
        instance_id=row.instance_id,
    )


def _update(session: Session, delivery_id: int, **values: object) -> None:
    session.execute(update(Delivery).where(Delivery.id == delivery_id).values(**values))
