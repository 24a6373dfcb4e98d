"""What makes an answer less sure, and implants: kept with the analysis, shown in result_image."""

import sqlalchemy as sa
from alembic import op

from db.migrations.versions.results_0002 import RESULT_IMAGE as WITHOUT_NOTES

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

RESULT_IMAGE = WITHOUT_NOTES.replace(
    "    analysis.severity,\n",
    "    analysis.severity,\n    analysis.hardware_probability,\n    analysis.notes,\n",
)


def upgrade() -> None:
    op.add_column("analysis", sa.Column("hardware_probability", sa.Double))
    op.add_column("analysis", sa.Column("notes", sa.JSON, nullable=False, server_default="[]"))
    _show(RESULT_IMAGE)


def downgrade() -> None:
    _show(WITHOUT_NOTES)
    op.drop_column("analysis", "notes")
    op.drop_column("analysis", "hardware_probability")


def _show(view: str) -> None:
    op.execute("DROP VIEW result_image")
    op.execute(view)
