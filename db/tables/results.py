"""What was found on an image, what was reported of a study, and what no longer counts."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.clock import database_now
from db.states import AnalysisState, ObjectKind
from db.tables.base import Base, partial_index, words


class Analysis(Base):
    """What was found on an image: one per model version (empty: none looked); the latest counts."""

    __tablename__ = "analysis"
    __table_args__ = (
        UniqueConstraint("instance_id", "model_name", "model_version"),
        partial_index("ix_analysis_heatmap", "heatmap_key", where="heatmap_key IS NOT NULL"),
        partial_index("ix_analysis_annotated", "annotated_key", where="annotated_key IS NOT NULL"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    instance_id: Mapped[int] = mapped_column(ForeignKey("instance.id"))
    model_name: Mapped[str] = mapped_column(default="")
    model_version: Mapped[str] = mapped_column(default="")
    evidence_version: Mapped[int]  # its study's, when it was saved: which report has seen it
    state: Mapped[AnalysisState] = mapped_column(words(AnalysisState, "state"))
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
    pictures_purged_at: Mapped[datetime | None]  # both files are gone since then, by retention
    stage_milliseconds: Mapped[dict[str, Any]] = mapped_column(default=dict)
    started_at: Mapped[datetime | None]
    analysed_at: Mapped[datetime] = mapped_column(default=database_now(), index=True)


class Report(Base):
    __tablename__ = "report"
    __table_args__ = (UniqueConstraint("study_id", "revision"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    revision: Mapped[int]
    evidence_version: Mapped[int]
    state: Mapped[AnalysisState] = mapped_column(words(AnalysisState, "state"))
    probability: Mapped[float | None]
    created_at: Mapped[datetime]  # as written in the objects
    reported_at: Mapped[datetime] = mapped_column(default=database_now())


class ResultObject(Base):
    """What a report is sent as, byte for byte; without UIDs where it is no DICOM object."""

    __tablename__ = "result_object"
    __table_args__ = (
        partial_index("ix_result_object_kept", "id", "size_bytes", where="purged_at IS NULL"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    report_id: Mapped[int] = mapped_column(ForeignKey("report.id"), index=True)
    instance_id: Mapped[int | None] = mapped_column(ForeignKey("instance.id"))
    fallback_of_id: Mapped[int | None] = mapped_column(ForeignKey("result_object.id"), index=True)
    taken_back_in_id: Mapped[int | None] = mapped_column(ForeignKey("report.id"))
    kind: Mapped[ObjectKind] = mapped_column(words(ObjectKind, "kind"))
    sop_class_uid: Mapped[str | None]
    sop_instance_uid: Mapped[str | None] = mapped_column(unique=True)
    series_instance_uid: Mapped[str | None]
    spool_key: Mapped[str] = mapped_column(index=True)
    sha256: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    purged_at: Mapped[datetime | None]  # its file is gone since then, by retention


class WithdrawnModel(Base):
    """A model version whose results no longer count; nothing is analysed with it any more."""

    __tablename__ = "withdrawn_model"

    id: Mapped[int] = mapped_column(primary_key=True)
    model_version: Mapped[str] = mapped_column(unique=True)
    reason: Mapped[str]
    withdrawn_at: Mapped[datetime] = mapped_column(default=database_now())


class ShadowAnalysis(Base):
    """What a network on trial says of an image: compared with the one in service, sent nowhere."""

    __tablename__ = "shadow_analysis"
    __table_args__ = (
        UniqueConstraint("instance_id", "model_name", "model_version"),
        Index(None, "model_version", "analysed_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    instance_id: Mapped[int] = mapped_column(ForeignKey("instance.id"))
    model_name: Mapped[str]
    model_version: Mapped[str]
    state: Mapped[AnalysisState] = mapped_column(words(AnalysisState, "state"))
    reason: Mapped[str | None]
    probability: Mapped[float | None]
    region: Mapped[str | None]
    milliseconds: Mapped[float | None]
    analysed_at: Mapped[datetime] = mapped_column(default=database_now())
