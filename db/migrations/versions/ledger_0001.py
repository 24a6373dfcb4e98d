"""The ledger's tables."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from db.clock import UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ANALYSIS_STATES = "state IN ('fracture', 'possible', 'none', 'not_analysed')"
OPEN_JOB = "state IN ('waiting', 'running')"


def upgrade() -> None:
    create_received()
    create_found()
    create_sent()
    create_job()


def downgrade() -> None:
    for table in ("job", "delivery", "result_object", "report", "analysis"):
        op.drop_table(table)
    for table in ("instance", "association", "series", "study"):
        op.drop_table(table)


def create_received() -> None:
    create_study()
    op.create_table(
        "series",
        sa.Column("id", sa.Integer, primary_key=True),
        reference("study_id", "study"),
        sa.Column("series_instance_uid", sa.Text, nullable=False),
        sa.Column("modality", sa.Text, nullable=False),
        sa.Column("series_number", sa.BigInteger),
        sa.Column("series_description", sa.Text, nullable=False),
        sa.UniqueConstraint("study_id", "series_instance_uid"),
    )
    op.create_table(
        "association",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("listener", sa.Text, nullable=False),
        sa.Column("calling_ae_title", sa.Text, nullable=False),
        sa.Column("called_ae_title", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("opened_at", UtcDateTime, nullable=False),
        sa.Column("closed_at", UtcDateTime),
    )
    create_partial_index("ix_association_listener", "association", ["listener"], "closed_at IS NULL")
    create_instance()


def create_study() -> None:
    op.create_table(
        "study",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("study_instance_uid", sa.Text, nullable=False, unique=True),
        sa.Column("patient_id", sa.Text, nullable=False),
        sa.Column("issuer_of_patient_id", sa.Text, nullable=False),
        sa.Column("patient_name", sa.Text, nullable=False),
        sa.Column("patient_birth_date", sa.Text, nullable=False),
        sa.Column("patient_sex", sa.Text, nullable=False),
        sa.Column("accession_number", sa.Text, nullable=False),
        sa.Column("study_date", sa.Text, nullable=False),
        sa.Column("study_time", sa.Text, nullable=False),
        sa.Column("study_description", sa.Text, nullable=False),
        sa.Column("received_at", UtcDateTime, nullable=False),
        sa.Column("last_instance_at", UtcDateTime, nullable=False),
        sa.Column("evidence_version", sa.Integer, nullable=False),
        sa.Column("settled_evidence_version", sa.Integer, nullable=False),
        sa.Column("unreported_since", UtcDateTime),
        sa.Column("blocked_reason", sa.Text),
    )
    create_partial_index(
        "ix_study_unreported_since", "study", ["unreported_since"], "unreported_since IS NOT NULL"
    )


def create_instance() -> None:
    op.create_table(
        "instance",
        sa.Column("id", sa.Integer, primary_key=True),
        reference("series_id", "series", index=True),
        sa.Column("association_id", sa.Text, sa.ForeignKey("association.id"), nullable=False),
        sa.Column("sop_instance_uid", sa.Text, nullable=False),
        sa.Column("sop_class_uid", sa.Text, nullable=False),
        sa.Column("transfer_syntax_uid", sa.Text, nullable=False),
        sa.Column("is_image", sa.Boolean, nullable=False),
        sa.Column("instance_number", sa.BigInteger),
        sa.Column("body_part", sa.Text, nullable=False),
        sa.Column("laterality", sa.Text, nullable=False),
        sa.Column("view_position", sa.Text, nullable=False),
        sa.Column("rows", sa.BigInteger),
        sa.Column("columns", sa.BigInteger),
        sa.Column("spool_key", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("quarantine_reason", sa.Text),
        sa.Column("received_at", UtcDateTime, nullable=False),
        sa.UniqueConstraint("sop_instance_uid", "sha256"),
    )
    create_partial_index(
        "uq_instance_live_sop_instance_uid",
        "instance",
        ["sop_instance_uid"],
        "quarantine_reason IS NULL",
        unique=True,
    )


def create_found() -> None:
    op.create_table(
        "analysis",
        sa.Column("id", sa.Integer, primary_key=True),
        reference("instance_id", "instance"),
        sa.Column("model_name", sa.Text, nullable=False),
        sa.Column("model_version", sa.Text, nullable=False),
        sa.Column("evidence_version", sa.Integer, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("probability", sa.Double),
        sa.Column("region", sa.Text),
        sa.Column("region_probability", sa.Double),
        sa.Column("fracture_type", sa.Text),
        sa.Column("type_probability", sa.Double),
        sa.Column("severity", sa.Text),
        sa.Column("boxes", sa.JSON, nullable=False),
        sa.Column("frame", sa.Integer),
        sa.Column("heatmap_key", sa.Text),
        sa.Column("annotated_key", sa.Text),
        sa.Column("stage_milliseconds", sa.JSON, nullable=False),
        sa.Column("started_at", UtcDateTime),
        sa.Column("analysed_at", UtcDateTime, nullable=False),
        sa.UniqueConstraint("instance_id", "model_name", "model_version"),
        sa.CheckConstraint(ANALYSIS_STATES, name="state"),
    )
    op.create_table(
        "report",
        sa.Column("id", sa.Integer, primary_key=True),
        reference("study_id", "study"),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("evidence_version", sa.Integer, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("probability", sa.Double),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("reported_at", UtcDateTime, nullable=False),
        sa.UniqueConstraint("study_id", "revision"),
        sa.CheckConstraint(ANALYSIS_STATES, name="state"),
    )


def create_sent() -> None:
    op.create_table(
        "result_object",
        sa.Column("id", sa.Integer, primary_key=True),
        reference("report_id", "report", index=True),
        reference("instance_id", "instance", nullable=True),
        reference("fallback_of_id", "result_object", nullable=True, index=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("sop_class_uid", sa.Text, nullable=False),
        sa.Column("sop_instance_uid", sa.Text, nullable=False, unique=True),
        sa.Column("series_instance_uid", sa.Text, nullable=False),
        sa.Column("spool_key", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.CheckConstraint("kind IN ('sr', 'sr_fallback', 'sc')", name="kind"),
    )
    op.create_table(
        "delivery",
        sa.Column("id", sa.Integer, primary_key=True),
        reference("object_id", "result_object"),
        sa.Column("destination", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        reference("sent_object_id", "result_object", nullable=True),
        sa.Column("status", sa.Integer),
        sa.Column("warning", sa.Text),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("sent_at", UtcDateTime),
        sa.UniqueConstraint("object_id", "destination"),
        sa.CheckConstraint("state IN ('queued', 'sent', 'refused')", name="state"),
    )


def create_job() -> None:
    op.create_table(
        "job",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("subject_id", sa.Integer, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("fence_token", sa.Integer, nullable=False),
        sa.Column("lease_until", UtcDateTime),
        sa.Column("offered_until", UtcDateTime),
        sa.Column("next_attempt_at", UtcDateTime, nullable=False),
        sa.Column("last_error", sa.Text),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("first_claimed_at", UtcDateTime),
        sa.Column("finished_at", UtcDateTime),
        sa.CheckConstraint("kind IN ('analyse', 'report', 'deliver')", name="kind"),
        sa.CheckConstraint("state IN ('waiting', 'running', 'done', 'dead')", name="state"),
    )
    op.create_index("ix_job_kind_subject_id", "job", ["kind", "subject_id"])
    create_partial_index(
        "uq_job_open_kind_subject_id", "job", ["kind", "subject_id"], OPEN_JOB, unique=True
    )
    in_order = ["kind", sa.text("priority DESC"), "next_attempt_at", "id"]
    create_partial_index("ix_job_due", "job", in_order, OPEN_JOB)


def reference(
    name: str, table: str, *, nullable: bool = False, index: bool = False
) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, sa.ForeignKey(f"{table}.id"), nullable=nullable, index=index)


def create_partial_index(
    name: str, table: str, columns: list[Any], where: str, *, unique: bool = False
) -> None:
    condition = sa.text(where)
    op.create_index(
        name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition
    )
