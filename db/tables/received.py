"""What came: studies, their series and instances, and the associations that carried them."""

from datetime import datetime

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from db.clock import database_now
from db.tables.base import Base, HeaderText, partial_index

SELF_TEST_INSTANCE = "rule = 'self-test'"


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
        partial_index("ix_instance_self_test", "series_id", where=SELF_TEST_INSTANCE),
        # With the size, so that what is kept is added up from the index alone.
        partial_index(
            "ix_instance_kept", "received_at", "id", "size_bytes", where="purged_at IS NULL"
        ),
        partial_index("ix_instance_purged", "purged_at", where="purged_at IS NOT NULL"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    series_id: Mapped[int] = mapped_column(ForeignKey("series.id"), index=True)
    association_id: Mapped[str] = mapped_column(ForeignKey("association.id"), index=True)
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
    spool_key: Mapped[str] = mapped_column(index=True)
    sha256: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    purged_at: Mapped[datetime | None]  # its file is gone since then, by retention
    quarantine_reason: Mapped[str | None]
    rule: Mapped[str | None]  # the routing rule that hit
    destinations: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))  # none: all
    received_at: Mapped[datetime] = mapped_column(default=database_now(), index=True)
