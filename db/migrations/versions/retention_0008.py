"""What is held, what was purged, and whom the node was told to forget."""

import sqlalchemy as sa
from alembic import op

from db.clock import UtcDateTime
from db.migrations.versions.ledger_0001 import reference
from db.migrations.versions.result_views_0005 import RESULT_IMAGE as WITHOUT_PURGED

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

PURGED = (("instance", "purged_at"), ("result_object", "purged_at"))
PICTURES = ("analysis", "pictures_purged_at")
KEY_INDEXES = ("instance", "result_object")
KEPT, GONE = "purged_at IS NULL", "purged_at IS NOT NULL"
PARTIAL_INDEXES = (
    ("instance", "ix_instance_kept", ["received_at", "id", "size_bytes"], KEPT),
    ("instance", "ix_instance_purged", ["purged_at"], GONE),
    ("result_object", "ix_result_object_kept", ["id", "size_bytes"], KEPT),
    ("analysis", "ix_analysis_heatmap", ["heatmap_key"], "heatmap_key IS NOT NULL"),
    ("analysis", "ix_analysis_annotated", ["annotated_key"], "annotated_key IS NOT NULL"),
)
RESULT_IMAGE = WITHOUT_PURGED.replace(
    ") AS committed_at\nFROM instance\n", ") AS committed_at,\n    instance.purged_at\nFROM instance\n"
)


def upgrade() -> None:
    for table, column in (*PURGED, PICTURES):
        op.add_column(table, sa.Column(column, UtcDateTime))
    for table in KEY_INDEXES:
        op.create_index(f"ix_{table}_spool_key", table, ["spool_key"])
    for table, name, columns, condition in PARTIAL_INDEXES:
        create_partial_index(table, name, columns, condition)
    create_keeping()
    _show(RESULT_IMAGE)


def downgrade() -> None:
    _show(WITHOUT_PURGED)
    for table in ("forgetting", "leaving_file", "legal_hold"):
        op.drop_table(table)
    for table, name, _columns, _condition in PARTIAL_INDEXES:
        op.drop_index(name, table)
    for table in KEY_INDEXES:
        op.drop_index(f"ix_{table}_spool_key", table)
    for table, column in (*PURGED, PICTURES):
        op.drop_column(table, column)


def create_keeping() -> None:
    op.create_table(
        "legal_hold",
        sa.Column("id", sa.Integer, primary_key=True),
        reference("study_id", "study", index=True),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("placed_by", sa.Text, nullable=False),
        sa.Column("placed_at", UtcDateTime, nullable=False),
        sa.Column("released_by", sa.Text),
        sa.Column("released_at", UtcDateTime),
        sa.Column("release_reason", sa.Text),
    )
    create_partial_index(
        "legal_hold", "uq_legal_hold_open", ["study_id"], "released_at IS NULL", unique=True
    )
    op.create_table(
        "leaving_file",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("spool_key", sa.Text, nullable=False, unique=True),
        sa.Column("since", UtcDateTime, nullable=False),
    )
    op.create_table(
        "forgetting",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("salt", sa.Text, nullable=False),
        sa.Column("patient_sha256", sa.Text, nullable=False),
        sa.Column("any_issuer", sa.Boolean, nullable=False),
        sa.Column("studies", sa.Integer, nullable=False),
        sa.Column("forgotten_by", sa.Text, nullable=False),
        sa.Column("forgotten_at", UtcDateTime, nullable=False),
    )


def create_partial_index(
    table: str, name: str, columns: list[str], condition: str, *, unique: bool = False
) -> None:
    where = sa.text(condition)
    op.create_index(
        name, table, columns, unique=unique, sqlite_where=where, postgresql_where=where
    )


def _show(view: str) -> None:
    op.execute("DROP VIEW result_image")
    op.execute(view)
