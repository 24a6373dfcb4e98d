"""People and what they say, the node's processes, a network on trial, and the worklist."""

import sqlalchemy as sa
from alembic import op

from db.clock import UtcDateTime
from db.migrations.attempt_trigger import ATTEMPT_TRIGGERS
from db.migrations.triggers import create_triggers, drop_triggers
from db.migrations.versions.ledger_0001 import reference
from db.migrations.worklist_triggers import WORKLIST_TRIGGERS

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

FINDINGS = "('fracture', 'possible', 'none', 'not_analysed')"
TABLES = (
    "worklist_stale",
    "worklist",
    "verdict",
    "audit_event",
    "api_token",
    "user_session",
    "app_user",
    "shadow_analysis",
    "presence",
    "job_attempt",
)
INDEXES = (
    ("analysis", "analysed_at"),
    ("instance", "association_id"),
    ("instance", "received_at"),
)
PARTIAL_INDEXES = (
    ("instance", "ix_instance_self_test", ["series_id"], "rule = 'self-test'"),
    ("job", "ix_job_dead", ["kind", "id"], "state = 'dead'"),
)


def upgrade() -> None:
    create_people()
    create_verdict()
    create_presence()
    create_job_attempt()
    create_shadow_analysis()
    create_worklist()
    for table, column in INDEXES:
        op.create_index(f"ix_{table}_{column}", table, [column])
    for table, name, columns, condition in PARTIAL_INDEXES:
        where = sa.text(condition)
        op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)
    create_triggers((*WORKLIST_TRIGGERS, *ATTEMPT_TRIGGERS))
    # The entries themselves are made by whoever serves the page, newest first.
    op.execute("INSERT INTO worklist_stale (study_id) SELECT id FROM study ORDER BY id")


def downgrade() -> None:
    drop_triggers((*WORKLIST_TRIGGERS, *ATTEMPT_TRIGGERS))
    for table, name, _columns, _condition in PARTIAL_INDEXES:
        op.drop_index(name, table)
    for table, column in INDEXES:
        op.drop_index(f"ix_{table}_{column}", table)
    for table in TABLES:
        op.drop_table(table)


def create_people() -> None:
    op.create_table(
        "app_user",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("full_name", sa.Text, nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("password_hash", sa.Text),
        sa.Column("oidc_subject", sa.Text, unique=True),
        sa.Column("is_active", sa.Boolean, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("locked_until", UtcDateTime),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("signed_in_at", UtcDateTime),
        sa.CheckConstraint("role IN ('viewer', 'reader', 'administrator')", name="role"),
    )
    op.create_table(
        "user_session",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("token_sha256", sa.Text, nullable=False, unique=True),
        reference("user_id", "app_user", index=True),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("seen_at", UtcDateTime, nullable=False),
    )
    op.create_table(
        "api_token",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("token_sha256", sa.Text, nullable=False, unique=True),
        reference("user_id", "app_user", index=True),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("scopes", sa.JSON, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("expires_at", UtcDateTime),
        sa.Column("used_at", UtcDateTime),
        sa.Column("revoked_at", UtcDateTime),
    )
    op.create_table(
        "audit_event",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("happened_at", UtcDateTime, nullable=False, index=True),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("study_instance_uid", sa.Text, index=True),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("detail", sa.Text),
    )


def create_verdict() -> None:
    op.create_table(
        "verdict",
        sa.Column("id", sa.Integer, primary_key=True),
        reference("study_id", "study", index=True),
        reference("instance_id", "instance", nullable=True, index=True),
        reference("analysis_id", "analysis", nullable=True, index=True),
        sa.Column("report_revision", sa.Integer),
        sa.Column("reader", sa.Text, nullable=False),
        sa.Column("opinion", sa.String(16), nullable=False),
        sa.Column("corrected_finding", sa.String(16)),
        sa.Column("corrected_region", sa.Text),
        sa.Column("corrected_type", sa.Text),
        sa.Column("boxes", sa.JSON),
        sa.Column("comment", sa.Text, nullable=False),
        sa.Column("given_at", UtcDateTime, nullable=False),
        sa.CheckConstraint("opinion IN ('agree', 'partly', 'disagree')", name="opinion"),
        sa.CheckConstraint(f"corrected_finding IN {FINDINGS}", name="corrected_finding"),
    )


def create_presence() -> None:
    op.create_table(
        "presence",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("part", sa.Text, nullable=False),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("process_id", sa.Integer, nullable=False),
        sa.Column("queues", sa.JSON, nullable=False),
        sa.Column("device", sa.Text),
        sa.Column("model_version", sa.Text),
        sa.Column("started_at", UtcDateTime, nullable=False),
        sa.Column("seen_at", UtcDateTime, nullable=False),
        sa.UniqueConstraint("part", "host", "process_id"),
    )


def create_job_attempt() -> None:
    op.create_table(
        "job_attempt",
        sa.Column("id", sa.Integer, primary_key=True),
        reference("job_id", "job", index=True),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("ended_at", UtcDateTime, nullable=False),
    )


def create_shadow_analysis() -> None:
    op.create_table(
        "shadow_analysis",
        sa.Column("id", sa.Integer, primary_key=True),
        reference("instance_id", "instance"),
        sa.Column("model_name", sa.Text, nullable=False),
        sa.Column("model_version", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("probability", sa.Double),
        sa.Column("region", sa.Text),
        sa.Column("milliseconds", sa.Double),
        sa.Column("analysed_at", UtcDateTime, nullable=False),
        sa.UniqueConstraint("instance_id", "model_name", "model_version"),
        sa.CheckConstraint(f"state IN {FINDINGS}", name="state"),
    )
    op.create_index(
        "ix_shadow_analysis_model_version_analysed_at",
        "shadow_analysis",
        ["model_version", "analysed_at"],
    )


def create_worklist() -> None:
    op.create_table(
        "worklist",
        sa.Column("study_id", sa.Integer, sa.ForeignKey("study.id"), primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("finding", sa.Text),
        sa.Column("probability", sa.Double),
        sa.Column("regions", sa.Text, nullable=False),
        sa.Column("source_ae_title", sa.Text, nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("urgency", sa.Double, nullable=False),
        sa.Column("images", sa.Integer, nullable=False),
        sa.Column("images_not_analysed", sa.Integer, nullable=False),
        sa.Column("images_pending", sa.Integer, nullable=False),
        sa.Column("quarantined", sa.Integer, nullable=False),
        sa.Column("report_revision", sa.Integer),
        sa.Column("deliveries", sa.Integer),
        sa.Column("deliveries_sent", sa.Integer),
        sa.Column("deliveries_committed", sa.Integer),
        sa.Column("reason", sa.Text),
        sa.Column("opinion", sa.Text),
        sa.Column("search_text", sa.Text, nullable=False),
        sa.Column("received_at", UtcDateTime, nullable=False),
        sa.Column("analysed_at", UtcDateTime),
        sa.Column("reported_at", UtcDateTime),
        sa.Column("delivered_at", UtcDateTime),
        sa.Column("committed_at", UtcDateTime),
    )
    by_time = ["received_at", "study_id"]
    op.create_index("ix_worklist_newest", "worklist", by_time)
    op.create_index("ix_worklist_urgent", "worklist", ["urgency", *by_time])
    op.create_index("ix_worklist_state", "worklist", ["state", *by_time])
    op.create_index("ix_worklist_finding", "worklist", ["finding", *by_time])
    op.create_index("ix_worklist_source", "worklist", ["source_ae_title", *by_time])
    op.create_index("ix_worklist_version", "worklist", ["version"])
    op.create_table(
        "worklist_stale",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True
        ),
        sa.Column("study_id", sa.Integer, nullable=False),
        sqlite_autoincrement=True,
    )
