"""What the ledger's tests share: received instances, and short ways to write and read."""

from collections.abc import Callable
from hashlib import sha256
from typing import Any, TypeVar

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from db.intake import (
    Intake,
    OpenedAssociation,
    ReceivedInstance,
    close_association,
    open_association,
    record_instance,
)
from db.jobs import Claim, JobKind, claim_job
from db.session import reading, transaction
from db.tables import Base, Job

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


def associate(engine: Engine, association_id: str = "association-1", listener: str = "L") -> None:
    with transaction(engine) as session:
        opened = OpenedAssociation(association_id, listener, "PACS", "OSTEON", "127.0.0.1")
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
