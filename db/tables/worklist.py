"""The worklist: a row per study in the orders a reader asks for, and which rows are stale."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from db.tables.base import Base


class WorklistEntry(Base):
    """A study as the worklist shows it: kept from `result_study`, so that any order is an index."""

    __tablename__ = "worklist"
    __table_args__ = (
        Index("ix_worklist_newest", "received_at", "study_id"),
        Index("ix_worklist_urgent", "urgency", "received_at", "study_id"),
        Index("ix_worklist_state", "state", "received_at", "study_id"),
        Index("ix_worklist_finding", "finding", "received_at", "study_id"),
        Index("ix_worklist_source", "source_ae_title", "received_at", "study_id"),
        Index("ix_worklist_version", "version"),
    )

    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"), primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger)  # of the batch that made it
    state: Mapped[str]
    finding: Mapped[str | None]
    probability: Mapped[float | None]
    regions: Mapped[str]
    source_ae_title: Mapped[str]
    priority: Mapped[int]
    urgency: Mapped[float]
    images: Mapped[int]
    images_not_analysed: Mapped[int]
    images_pending: Mapped[int]
    quarantined: Mapped[int]
    report_revision: Mapped[int | None]
    deliveries: Mapped[int | None]
    deliveries_sent: Mapped[int | None]
    deliveries_committed: Mapped[int | None]
    reason: Mapped[str | None]
    opinion: Mapped[str | None]  # of the latest verdict on it
    search_text: Mapped[str]
    received_at: Mapped[datetime]
    analysed_at: Mapped[datetime | None]
    reported_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    committed_at: Mapped[datetime | None]


class WorklistStale(Base):
    """A study that changed since its entry was made; written by triggers, whoever changed it."""

    __tablename__ = "worklist_stale"
    # No number is given twice: what a slow window has read deletes no later note.
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    study_id: Mapped[int]
