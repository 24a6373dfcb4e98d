"""What the ledger's tests share: received instances, and short ways to write and read."""

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Any, TypeVar

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from db.analyses import AnalysisRecord, save_analysis
from db.commitments import (
    ask_for_proof,
    load_confirmation,
    record_answer,
    save_request,
    wait_for_answer,
)
from db.deliveries import Acceptance, finish_consignment, load_consignment, mark_sent
from db.intake import (
    Intake,
    OpenedAssociation,
    ReceivedInstance,
    close_association,
    open_association,
    record_instance,
)
from db.jobs import Claim, JobKind, claim_job
from db.reports import (
    ReportObject,
    ReportOutcome,
    ReportSubject,
    open_report,
    save_report,
)
from db.session import reading, transaction
from db.settling import settle_studies
from db.states import AnalysisState, DeliveryState, ObjectKind
from db.tables import Base, Delivery, Job
from db.withdrawal import ask_again, note_withdrawal

Row = TypeVar("Row", bound=Base)
Answer = TypeVar("Answer")

CR_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.1"
EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"


def received(number: int = 1, *, study: str = "1.2.3", **changes: Any) -> ReceivedInstance:
    """An instance as the listener describes it; its number makes its UID and its bytes."""
    values: dict[str, Any] = {
        "association_id": "association-1",
        "study_instance_uid": study,
        "series_instance_uid": f"{study}.1",
        "sop_instance_uid": f"{study}.1.{number}",
        "sop_class_uid": CR_IMAGE_STORAGE,
        "transfer_syntax_uid": EXPLICIT_VR_LITTLE_ENDIAN,
        "spool_key": f"spool-{study}-{number}",
        "sha256": sha256(f"{study} {number}".encode()).hexdigest(),
        "size_bytes": 1000 + number,
        "is_image": True,
        "modality": "CR",
        "patient_id": "P1",
    }
    return ReceivedInstance(**(values | changes))


def associate(
    engine: Engine,
    association_id: str = "association-1",
    listener: str = "L",
    *,
    caller: str = "PACS",
) -> None:
    with transaction(engine) as session:
        opened = OpenedAssociation(association_id, listener, caller, "OSTEON", "127.0.0.1")
        open_association(session, opened)


def receive(engine: Engine, *instances: ReceivedInstance) -> list[Intake]:
    """Store the instances on an association of their own, now closed."""
    associate(engine)
    outcomes = []
    for instance in instances:
        with transaction(engine) as session:
            outcomes.append(record_instance(session, instance))
    with transaction(engine) as session:
        close_association(session, "association-1")
    return outcomes


def claim(engine: Engine, kind: JobKind, *, lease_seconds: float = 60) -> Claim:
    """A claim on the oldest open job of the kind."""
    with transaction(engine) as session:
        open_jobs = select(func.min(Job.id)).where(Job.kind == kind, Job.finished_at.is_(None))
        job_id = session.scalar(open_jobs)
        assert job_id is not None, f"no open {kind} job"
        claimed = claim_job(session, job_id, lease_seconds=lease_seconds)
    assert claimed is not None
    return claimed


def rows(engine: Engine, table: type[Row]) -> list[Row]:
    with reading(engine) as session:
        found = list(session.scalars(select(table).order_by("id")))
        session.expunge_all()
        return found


def in_transaction(engine: Engine, act: Callable[[Session], Answer]) -> Answer:
    with transaction(engine) as session:
        return act(session)


FRACTURE = AnalysisRecord(
    state=AnalysisState.FRACTURE,
    model_name="osteon",
    model_version="1.0",
    probability=0.9,
    region="wrist",
    boxes=[{"x0": 1.0, "y0": 2.0, "x1": 3.0, "y1": 4.0, "score": 0.8}],
)
NO_FRACTURE = replace(FRACTURE, state=AnalysisState.NONE, probability=0.1, boxes=())


def analyse(engine: Engine, *records: AnalysisRecord) -> None:
    """Save these, one for each open analyse job, oldest first."""
    for record in records:
        ours = claim(engine, JobKind.ANALYSE)
        with transaction(engine) as session:
            save_analysis(session, ours, record)


def settle(engine: Engine, *, quiet_seconds: float = 0, max_wait_seconds: float = 600) -> list[int]:
    with transaction(engine) as session:
        return settle_studies(
            session, quiet_seconds=quiet_seconds, max_wait_seconds=max_wait_seconds
        )


def open_claimed_report(engine: Engine) -> tuple[Claim, ReportSubject]:
    ours = claim(engine, JobKind.REPORT)
    with transaction(engine) as session:
        return ours, open_report(session, ours)


def outcome_of(subject: ReportSubject, *destinations: str) -> ReportOutcome:
    """A report of three objects: an SR, its fallback, and a secondary capture."""

    def report_object(number: int, kind: ObjectKind, **changes: Any) -> ReportObject:
        uid = f"9.{subject.study_id}.{subject.revision}.{number}"
        return ReportObject(
            kind,
            spool_key=uid,
            sha256=uid,
            size_bytes=100,
            destinations=destinations,
            sop_class_uid=f"1.2.840.{number}",
            sop_instance_uid=uid,
            series_instance_uid="9.1",
            **changes,
        )

    sr = report_object(1, ObjectKind.SR)
    fallback = report_object(2, ObjectKind.SR_FALLBACK, fallback_of=sr.sop_instance_uid)
    capture = report_object(3, ObjectKind.SC, instance_id=subject.images[0].instance_id)
    objects = (fallback, sr, capture)
    return ReportOutcome(AnalysisState.FRACTURE, 0.9, objects)


def report(engine: Engine, *destinations: str) -> ReportSubject:
    """Settle what is ready and save the report of the first study."""
    settle(engine)
    ours, subject = open_claimed_report(engine)
    with transaction(engine) as session:
        save_report(session, ours, subject, outcome_of(subject, *destinations))
    return subject


def deliver(engine: Engine) -> None:
    """Send the oldest open consignment."""
    ours = claim(engine, JobKind.DELIVER)
    with transaction(engine) as session:
        send_all(session, ours)


def confirm(engine: Engine) -> None:
    """Ask the oldest consignment that is not proved, and hear that all of it is kept."""
    with transaction(engine) as session:
        unproved = select(func.min(Delivery.consignment_id)).where(
            Delivery.state == DeliveryState.SENT
        )
        consignment_id = session.scalar(unproved)
        assert consignment_id is not None
        ask_for_proof(session, consignment_id, "PACS")
    ours = claim(engine, JobKind.CONFIRM)
    transaction_uid = f"2.25.{ours.job_id}"
    with transaction(engine) as session:
        order = load_confirmation(session, ours.subject_id)
        save_request(session, ours, transaction_uid)
        kept = {one.sop_instance_uid for one in order.objects}
        assert record_answer(session, transaction_uid, kept, {})
        wait_for_answer(session, ours, order, seconds=60)


def send_all(session: Session, ours: Claim) -> None:
    """The destination takes every object of the consignment in its best form."""
    for item in load_consignment(session, ours.subject_id).items:
        accepted = Acceptance(item.candidates[0].object_id, status=0, warning=None)
        mark_sent(session, ours, item.delivery_id, accepted)
    finish_consignment(session, ours)


def withdraw(engine: Engine, model_version: str, reason: str = "it missed wrists") -> None:
    """As the command does."""
    with transaction(engine) as session:
        note_withdrawal(session, model_version, reason)
    with transaction(engine) as session:
        ask_again(session, model_version)
