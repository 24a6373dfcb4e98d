"""The ledger's tables, named as DICOM and the hospital name things (see docs/ledger.md)."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Dialect,
    Double,
    Enum,
    ForeignKey,
    Index,
    MetaData,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from db.clock import UtcDateTime, database_now
from db.states import AnalysisState, DeliveryState, JobKind, JobState, ObjectKind, Proof

OPEN_JOB = "state IN ('waiting', 'running')"
RUNNING_JOB = "state = 'running'"


class HeaderText(TypeDecorator[str]):
    """Text from a DICOM header: what no database can hold is dropped, no image refused for it."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, _dialect: Dialect) -> str | None:
        if value is None:
            return None
        return value.replace("\0", "").encode("utf-8", "replace").decode()


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own hook
        str: Text,
        datetime: UtcDateTime,
        float: Double,
        list[dict[str, Any]]: JSON,
        list[str]: JSON,
        dict[str, Any]: JSON,
    }


def _words(states: type[StrEnum], name: str) -> Enum:
    return Enum(
        states,
        name=name,
        native_enum=False,
        create_constraint=True,
        length=16,
        values_callable=lambda words: [word.value for word in words],
    )


def _partial_index(name: str, *columns: Any, where: str, unique: bool = False) -> Index:
    """An index of some rows alone, on either database."""
    condition = text(where)
    return Index(name, *columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


class Study(Base):
    __tablename__ = "study"
    __table_args__ = (
        Index(
            None,
            "unreported_since",
            sqlite_where=text("unreported_since IS NOT NULL"),
            postgresql_where=text("unreported_since IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    study_instance_uid: Mapped[str] = mapped_column(unique=True)
    patient_id: Mapped[str] = mapped_column(HeaderText)
    issuer_of_patient_id: Mapped[str] = mapped_column(HeaderText)
    patient_name: Mapped[str] = mapped_column(HeaderText)
    patient_birth_date: Mapped[str] = mapped_column(HeaderText)
    patient_sex: Mapped[str] = mapped_column(HeaderText)
    accession_number: Mapped[str] = mapped_column(HeaderText)
    study_date: Mapped[str] = mapped_column(HeaderText)
    study_time: Mapped[str] = mapped_column(HeaderText)
    study_description: Mapped[str] = mapped_column(HeaderText)
    received_at: Mapped[datetime] = mapped_column(default=database_now())
    last_instance_at: Mapped[datetime] = mapped_column(default=database_now())
    # Rises with each image received and each analysis saved: a report knows what it has seen.
    evidence_version: Mapped[int] = mapped_column(default=0)
    settled_evidence_version: Mapped[int] = mapped_column(default=0)
    unreported_since: Mapped[datetime | None]
    blocked_reason: Mapped[str | None]
    priority: Mapped[int] = mapped_column(default=0)  # of its work; it only ever rises


class Series(Base):
    __tablename__ = "series"
    __table_args__ = (UniqueConstraint("study_id", "series_instance_uid"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    series_instance_uid: Mapped[str]
    modality: Mapped[str] = mapped_column(HeaderText)
    series_number: Mapped[int | None] = mapped_column(BigInteger)
    series_description: Mapped[str] = mapped_column(HeaderText)


class Association(Base):
    __tablename__ = "association"
    __table_args__ = (
        Index(
            None,
            "listener",
            sqlite_where=text("closed_at IS NULL"),
            postgresql_where=text("closed_at IS NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    listener: Mapped[str]
    calling_ae_title: Mapped[str] = mapped_column(HeaderText)
    called_ae_title: Mapped[str] = mapped_column(HeaderText)
    address: Mapped[str]
    opened_at: Mapped[datetime] = mapped_column(default=database_now())
    closed_at: Mapped[datetime | None]


class Instance(Base):
    """One received object; quarantine_reason set: kept apart, because its UID was already taken."""

    __tablename__ = "instance"
    __table_args__ = (
        UniqueConstraint("sop_instance_uid", "sha256"),
        Index(
            "uq_instance_live_sop_instance_uid",
            "sop_instance_uid",
            unique=True,
            sqlite_where=text("quarantine_reason IS NULL"),
            postgresql_where=text("quarantine_reason IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    series_id: Mapped[int] = mapped_column(ForeignKey("series.id"), index=True)
    association_id: Mapped[str] = mapped_column(ForeignKey("association.id"))
    sop_instance_uid: Mapped[str]
    sop_class_uid: Mapped[str]
    transfer_syntax_uid: Mapped[str]
    is_image: Mapped[bool]
    instance_number: Mapped[int | None] = mapped_column(BigInteger)
    body_part: Mapped[str] = mapped_column(HeaderText)
    laterality: Mapped[str] = mapped_column(HeaderText)
    view_position: Mapped[str] = mapped_column(HeaderText)
    rows: Mapped[int | None] = mapped_column(BigInteger)
    columns: Mapped[int | None] = mapped_column(BigInteger)
    spool_key: Mapped[str]
    sha256: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    quarantine_reason: Mapped[str | None]
    rule: Mapped[str | None]  # the routing rule that hit
    destinations: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))  # none: all
    received_at: Mapped[datetime] = mapped_column(default=database_now())


class Analysis(Base):
    """What was found on an image: one per model version (empty: none looked); the latest counts."""

    __tablename__ = "analysis"
    __table_args__ = (UniqueConstraint("instance_id", "model_name", "model_version"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    instance_id: Mapped[int] = mapped_column(ForeignKey("instance.id"))
    model_name: Mapped[str] = mapped_column(default="")
    model_version: Mapped[str] = mapped_column(default="")
    evidence_version: Mapped[int]  # its study's, when it was saved: which report has seen it
    state: Mapped[AnalysisState] = mapped_column(_words(AnalysisState, "state"))
    reason: Mapped[str | None]
    probability: Mapped[float | None]
    region: Mapped[str | None]
    region_probability: Mapped[float | None]
    fracture_type: Mapped[str | None]
    type_probability: Mapped[float | None]
    severity: Mapped[str | None]
    hardware_probability: Mapped[float | None]
    notes: Mapped[list[str]] = mapped_column(default=list)
    boxes: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    frame: Mapped[int | None]
    heatmap_key: Mapped[str | None]
    annotated_key: Mapped[str | None]
    stage_milliseconds: Mapped[dict[str, Any]] = mapped_column(default=dict)
    started_at: Mapped[datetime | None]
    analysed_at: Mapped[datetime] = mapped_column(default=database_now())


class Report(Base):
    __tablename__ = "report"
    __table_args__ = (UniqueConstraint("study_id", "revision"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    revision: Mapped[int]
    evidence_version: Mapped[int]
    state: Mapped[AnalysisState] = mapped_column(_words(AnalysisState, "state"))
    probability: Mapped[float | None]
    created_at: Mapped[datetime]  # as written in the objects
    reported_at: Mapped[datetime] = mapped_column(default=database_now())


class ResultObject(Base):
    """What a report is sent as, byte for byte; without UIDs where it is no DICOM object."""

    __tablename__ = "result_object"

    id: Mapped[int] = mapped_column(primary_key=True)
    report_id: Mapped[int] = mapped_column(ForeignKey("report.id"), index=True)
    instance_id: Mapped[int | None] = mapped_column(ForeignKey("instance.id"))
    fallback_of_id: Mapped[int | None] = mapped_column(ForeignKey("result_object.id"), index=True)
    taken_back_in_id: Mapped[int | None] = mapped_column(ForeignKey("report.id"))
    kind: Mapped[ObjectKind] = mapped_column(_words(ObjectKind, "kind"))
    sop_class_uid: Mapped[str | None]
    sop_instance_uid: Mapped[str | None] = mapped_column(unique=True)
    series_instance_uid: Mapped[str | None]
    spool_key: Mapped[str]
    sha256: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(BigInteger)


class Destination(Base):
    """Where results go, and how it fares: after a failure nothing is sent until `rests_until`."""

    __tablename__ = "destination"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    failures: Mapped[int] = mapped_column(default=0)  # in a row
    rests_until: Mapped[datetime | None]
    last_error: Mapped[str | None]
    failed_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]


class Consignment(Base):
    """All that one destination gets of one report."""

    __tablename__ = "consignment"
    __table_args__ = (UniqueConstraint("report_id", "destination"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    report_id: Mapped[int] = mapped_column(ForeignKey("report.id"))
    destination: Mapped[str] = mapped_column(ForeignKey("destination.name"), index=True)
    rung: Mapped[str | None]  # which objects were chosen
    rung_reason: Mapped[str | None]
    proof: Mapped[Proof | None] = mapped_column(_words(Proof, "proof"))
    created_at: Mapped[datetime] = mapped_column(default=database_now())


class Delivery(Base):
    __tablename__ = "delivery"
    __table_args__ = (UniqueConstraint("consignment_id", "object_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    consignment_id: Mapped[int] = mapped_column(ForeignKey("consignment.id"))
    object_id: Mapped[int] = mapped_column(ForeignKey("result_object.id"), index=True)
    state: Mapped[DeliveryState] = mapped_column(
        _words(DeliveryState, "state"), default=DeliveryState.QUEUED
    )
    reason: Mapped[str | None]  # why omitted, superseded, refused or to be sent again
    sent_object_id: Mapped[int | None] = mapped_column(ForeignKey("result_object.id"), index=True)
    status: Mapped[int | None]  # the peer's C-STORE status
    warning: Mapped[str | None]
    sendings: Mapped[int] = mapped_column(default=0)
    sent_at: Mapped[datetime | None]
    committed_at: Mapped[datetime | None]


class CommitmentRequest(Base):
    """One N-ACTION of Storage Commitment, ours to a destination, and what came of it."""

    __tablename__ = "commitment_request"

    id: Mapped[int] = mapped_column(primary_key=True)
    transaction_uid: Mapped[str] = mapped_column(unique=True)
    consignment_id: Mapped[int] = mapped_column(ForeignKey("consignment.id"), index=True)
    asked_at: Mapped[datetime] = mapped_column(default=database_now())
    answered_at: Mapped[datetime | None]


class PeerRequest(Base):
    """A peer's N-ACTION of Storage Commitment: it waits for our N-EVENT-REPORT."""

    __tablename__ = "peer_request"
    __table_args__ = (UniqueConstraint("peer_ae_title", "transaction_uid"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    transaction_uid: Mapped[str]
    peer_ae_title: Mapped[str] = mapped_column(HeaderText)
    references: Mapped[list[dict[str, Any]]]
    asked_at: Mapped[datetime] = mapped_column(default=database_now())
    answered_at: Mapped[datetime | None]


class WithdrawnModel(Base):
    """A model version whose results no longer count; nothing is analysed with it any more."""

    __tablename__ = "withdrawn_model"

    id: Mapped[int] = mapped_column(primary_key=True)
    model_version: Mapped[str] = mapped_column(unique=True)
    reason: Mapped[str]
    withdrawn_at: Mapped[datetime] = mapped_column(default=database_now())


class Job(Base):
    __tablename__ = "job"
    __table_args__ = (
        _partial_index(
            "uq_job_open_kind_subject_id", "kind", "subject_id", where=OPEN_JOB, unique=True
        ),
        _partial_index(
            "ix_job_due", "kind", text("priority DESC"), "next_attempt_at", "id", where=OPEN_JOB
        ),
        _partial_index("ix_job_oldest", "kind", "next_attempt_at", "id", where=OPEN_JOB),
        _partial_index(
            "ix_job_lane",
            "kind",
            "lane",
            text("priority DESC"),
            "next_attempt_at",
            "id",
            where=OPEN_JOB,
        ),
        _partial_index(
            "ix_job_lane_oldest", "kind", "lane", "next_attempt_at", "id", where=OPEN_JOB
        ),
        _partial_index("ix_job_running", "kind", "lane", where=RUNNING_JOB),
        _partial_index(
            "ix_job_offered", "kind", "offered_until", where="offered_until IS NOT NULL"
        ),
        Index(None, "kind", "subject_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[JobKind] = mapped_column(_words(JobKind, "kind"))
    subject_id: Mapped[int]
    # The destination it speaks to, so that one that is down holds up no other.
    lane: Mapped[str | None]
    state: Mapped[JobState] = mapped_column(_words(JobState, "state"), default=JobState.WAITING)
    priority: Mapped[int] = mapped_column(default=0)
    attempt: Mapped[int] = mapped_column(default=0)
    fence_token: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[datetime | None]
    offered_until: Mapped[datetime | None]
    next_attempt_at: Mapped[datetime] = mapped_column(default=database_now())
    last_error: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=database_now())
    first_claimed_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
