"""The audit trail as a chain, and how far it has been forwarded."""

import sqlalchemy as sa
from alembic import op

from db.clock import UtcDateTime
from db.migrations.audit_guards import create_audit_guards, drop_audit_guards

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_NEW_COLUMNS = (
    ("peer", sa.Text),
    ("sop_classes", sa.JSON),
    ("sequence", sa.BigInteger),
    ("seal", sa.Text),
)


def upgrade() -> None:
    for name, kind in _NEW_COLUMNS:
        op.add_column("audit_event", sa.Column(name, kind, nullable=True))
    op.create_index("ix_audit_event_sequence", "audit_event", ["sequence"], unique=True)
    unsealed = sa.text("seal IS NULL")
    op.create_index(
        *("ix_audit_event_unsealed", "audit_event", ["id"]),
        sqlite_where=unsealed,
        postgresql_where=unsealed,
    )
    op.create_table(
        "audit_anchor",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("sequence", sa.BigInteger, nullable=False, unique=True),
        sa.Column("seal", sa.Text, nullable=False),
        sa.Column("made_at", UtcDateTime, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("signature", sa.Text, nullable=False),
    )
    op.create_table(
        "audit_forwarding",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("forwarded_at", UtcDateTime),
        sa.Column("failed_at", UtcDateTime),
        sa.Column("last_error", sa.Text),
    )
    create_audit_guards()


def downgrade() -> None:
    drop_audit_guards()
    op.drop_table("audit_forwarding")
    op.drop_table("audit_anchor")
    op.drop_index("ix_audit_event_unsealed", "audit_event")
    op.drop_index("ix_audit_event_sequence", "audit_event")
    for name, _ in reversed(_NEW_COLUMNS):
        op.drop_column("audit_event", name)
