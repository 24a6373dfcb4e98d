"""All that one destination gets of a report is a consignment; routing, proof and withdrawal."""

import sqlalchemy as sa
from alembic import op

from db.clock import UtcDateTime
from db.migrations.versions.ledger_0001 import OPEN_JOB, create_partial_index, create_sent, reference
from db.migrations.versions.ledger_0001 import create_job as create_old_job
from db.migrations.versions.notes_0003 import RESULT_IMAGE
from db.migrations.versions.results_0002 import RESULT_REPORT, RESULT_STUDY

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

VIEWS = ("result_study", "result_image", "result_report")
KINDS = "kind IN ('sr', 'sr_fallback', 'sc', 'gsps', 'summary', 'pdf', 'kos', 'seg', 'rejection', 'oru', 'fhir')"
STATES = "state IN ('queued', 'sent', 'committed', 'omitted', 'superseded', 'refused')"
JOB_KINDS = "kind IN ('analyse', 'report', 'deliver', 'confirm', 'answer')"
JOB_STATES = "state IN ('waiting', 'running', 'done', 'dead')"

DESTINATIONS = """
INSERT INTO destination (name, failures) SELECT DISTINCT destination, 0 FROM old_delivery
"""
CONSIGNMENTS = """
INSERT INTO consignment (report_id, destination, created_at)
SELECT result_object.report_id, old_delivery.destination, MIN(old_delivery.created_at)
FROM old_delivery JOIN result_object ON result_object.id = old_delivery.object_id
GROUP BY result_object.report_id, old_delivery.destination
ORDER BY result_object.report_id, old_delivery.destination
"""
CONSIGNED = """
    FROM old_delivery
    JOIN result_object ON result_object.id = old_delivery.object_id
    JOIN consignment ON consignment.report_id = result_object.report_id
        AND consignment.destination = old_delivery.destination
"""
DELIVERIES = f"""
INSERT INTO delivery (id, consignment_id, object_id, state, reason, sent_object_id, status, warning,
    sendings, sent_at)
SELECT old_delivery.id, consignment.id, old_delivery.object_id, old_delivery.state,
    CASE WHEN old_delivery.state = 'refused' THEN (
        SELECT old_job.last_error FROM old_job
        WHERE old_job.kind = 'deliver' AND old_job.subject_id = old_delivery.id
        ORDER BY old_job.id DESC LIMIT 1
    ) END,
    old_delivery.sent_object_id, old_delivery.status, old_delivery.warning,
    CASE WHEN old_delivery.sent_at IS NULL THEN 0 ELSE 1 END, old_delivery.sent_at
{CONSIGNED}
"""
OBJECT_COLUMNS = """id, report_id, instance_id, fallback_of_id, kind, sop_class_uid, sop_instance_uid,
    series_instance_uid, spool_key, sha256, size_bytes"""
JOB_COLUMNS = """id, kind, subject_id, state, priority, attempt, fence_token, lease_until,
    offered_until, next_attempt_at, last_error, created_at, first_claimed_at, finished_at"""
# The jobs of single objects become one job of their consignment: open if any was, else dead if
# any was. Its number is new: a call for an old one may still be on its way.
JOBS = f"""
INSERT INTO job (id, kind, subject_id, lane, state, priority, attempt, fence_token,
    next_attempt_at, last_error, created_at, first_claimed_at, finished_at)
SELECT (SELECT MAX(every.id) FROM old_job AS every) + consignment.id,
    'deliver', consignment.id, consignment.destination,
    CASE WHEN SUM(CASE WHEN {OPEN_JOB.replace("state", "old_job.state")} THEN 1 ELSE 0 END) > 0
        THEN 'waiting'
        WHEN SUM(CASE WHEN old_job.state = 'dead' THEN 1 ELSE 0 END) > 0 THEN 'dead'
        ELSE 'done' END,
    MAX(old_job.priority), MAX(old_job.attempt), 0, MIN(old_job.next_attempt_at),
    MAX(old_job.last_error), MIN(old_job.created_at), MIN(old_job.first_claimed_at),
    MAX(old_job.finished_at)
FROM old_job JOIN old_delivery ON old_delivery.id = old_job.subject_id
    JOIN result_object ON result_object.id = old_delivery.object_id
    JOIN consignment ON consignment.report_id = result_object.report_id
        AND consignment.destination = old_delivery.destination
WHERE old_job.kind = 'deliver'
GROUP BY consignment.id, consignment.destination
"""


def upgrade() -> None:
    for view in VIEWS:
        op.execute(f"DROP VIEW {view}")
    op.add_column("study", sa.Column("priority", sa.Integer, nullable=False, server_default="0"))
    op.add_column("instance", sa.Column("rule", sa.Text))
    op.add_column("instance", sa.Column("destinations", sa.JSON))
    set_aside("job", "delivery", "result_object")
    create_result_object()
    create_destinations()
    create_requests()
    create_job()
    take_over()


def take_over() -> None:
    op.execute(
        f"INSERT INTO result_object ({OBJECT_COLUMNS}) SELECT {OBJECT_COLUMNS} FROM old_result_object ORDER BY id"
    )
    op.execute(
        f"INSERT INTO job ({JOB_COLUMNS}) SELECT {JOB_COLUMNS} FROM old_job WHERE kind <> 'deliver'"
    )
    for statement in (DESTINATIONS, CONSIGNMENTS, DELIVERIES, JOBS):
        op.execute(statement)
    count_on("result_object", "job", "delivery")
    for table in ("job", "delivery", "result_object"):
        op.drop_table(f"old_{table}")


def set_aside(*tables: str) -> None:
    """Keep the rows without their constraints, which no database changes in place as the other does."""
    for table in tables:
        op.execute(f"CREATE TABLE old_{table} AS SELECT * FROM {table}")
        if table == "result_object":
            op.execute("UPDATE result_object SET fallback_of_id = NULL")
        op.drop_table(table)


def count_on(*tables: str) -> None:
    """PostgreSQL numbers new rows from a sequence that knows nothing of the rows taken over."""
    if op.get_bind().dialect.name == "postgresql":
        for table in tables:
            op.execute(
                f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), COALESCE(MAX(id), 0) + 1, false)"
                f" FROM {table}"
            )


def create_result_object() -> None:
    op.create_table(
        "result_object",
        sa.Column("id", sa.Integer, primary_key=True),
        reference("report_id", "report", index=True),
        reference("instance_id", "instance", nullable=True),
        reference("fallback_of_id", "result_object", nullable=True, index=True),
        reference("taken_back_in_id", "report", nullable=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("sop_class_uid", sa.Text),
        sa.Column("sop_instance_uid", sa.Text, unique=True),
        sa.Column("series_instance_uid", sa.Text),
        sa.Column("spool_key", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.CheckConstraint(KINDS, name="kind"),
    )


def create_destinations() -> None:
    op.create_table(
        "destination",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("rests_until", UtcDateTime),
        sa.Column("last_error", sa.Text),
        sa.Column("failed_at", UtcDateTime),
        sa.Column("answered_at", UtcDateTime),
    )
    op.create_table(
        "consignment",
        sa.Column("id", sa.Integer, primary_key=True),
        reference("report_id", "report"),
        sa.Column(
            "destination", sa.Text, sa.ForeignKey("destination.name"), nullable=False, index=True
        ),
        sa.Column("rung", sa.Text),
        sa.Column("rung_reason", sa.Text),
        sa.Column("proof", sa.String(16)),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.UniqueConstraint("report_id", "destination"),
        sa.CheckConstraint("proof IN ('commitment', 'query', 'none')", name="proof"),
    )
    op.create_table(
        "delivery",
        sa.Column("id", sa.Integer, primary_key=True),
        reference("consignment_id", "consignment"),
        reference("object_id", "result_object", index=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text),
        reference("sent_object_id", "result_object", nullable=True, index=True),
        sa.Column("status", sa.Integer),
        sa.Column("warning", sa.Text),
        sa.Column("sendings", sa.Integer, nullable=False),
        sa.Column("sent_at", UtcDateTime),
        sa.Column("committed_at", UtcDateTime),
        sa.UniqueConstraint("consignment_id", "object_id"),
        sa.CheckConstraint(STATES, name="state"),
    )


def create_requests() -> None:
    op.create_table(
        "commitment_request",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("transaction_uid", sa.Text, nullable=False, unique=True),
        reference("consignment_id", "consignment", index=True),
        sa.Column("asked_at", UtcDateTime, nullable=False),
        sa.Column("answered_at", UtcDateTime),
    )
    op.create_table(
        "peer_request",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("transaction_uid", sa.Text, nullable=False),
        sa.Column("peer_ae_title", sa.Text, nullable=False),
        sa.Column("references", sa.JSON, nullable=False),
        sa.Column("asked_at", UtcDateTime, nullable=False),
        sa.Column("answered_at", UtcDateTime),
        sa.UniqueConstraint("peer_ae_title", "transaction_uid"),
    )
    op.create_table(
        "withdrawn_model",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("model_version", sa.Text, nullable=False, unique=True),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("withdrawn_at", UtcDateTime, nullable=False),
    )


def create_job() -> None:
    op.create_table(
        "job",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("subject_id", sa.Integer, nullable=False),
        sa.Column("lane", sa.Text),
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
        sa.CheckConstraint(JOB_KINDS, name="kind"),
        sa.CheckConstraint(JOB_STATES, name="state"),
    )
    op.create_index("ix_job_kind_subject_id", "job", ["kind", "subject_id"])
    create_partial_index(
        "uq_job_open_kind_subject_id", "job", ["kind", "subject_id"], OPEN_JOB, unique=True
    )
    in_order = ["kind", sa.text("priority DESC"), "next_attempt_at", "id"]
    create_partial_index("ix_job_due", "job", in_order, OPEN_JOB)
    create_partial_index("ix_job_oldest", "job", ["kind", "next_attempt_at", "id"], OPEN_JOB)
    in_lane = ["kind", "lane", sa.text("priority DESC"), "next_attempt_at", "id"]
    create_partial_index("ix_job_lane", "job", in_lane, OPEN_JOB)
    oldest_in_lane = ["kind", "lane", "next_attempt_at", "id"]
    create_partial_index("ix_job_lane_oldest", "job", oldest_in_lane, OPEN_JOB)
    create_partial_index("ix_job_running", "job", ["kind", "lane"], "state = 'running'")
    create_partial_index(
        "ix_job_offered", "job", ["kind", "offered_until"], "offered_until IS NOT NULL"
    )


# Back: what the older schema has no place for (other kinds of objects, proof, withdrawal) goes.
OLD_KINDS = "kind IN ('sr', 'sr_fallback', 'sc')"
OLD_DELIVERIES = f"""
INSERT INTO delivery (id, object_id, destination, state, sent_object_id, status, warning,
    created_at, sent_at)
SELECT old_delivery.id, old_delivery.object_id, consignment.destination,
    CASE WHEN old_delivery.state = 'committed' THEN 'sent' ELSE old_delivery.state END,
    old_delivery.sent_object_id, old_delivery.status, old_delivery.warning,
    consignment.created_at, old_delivery.sent_at
FROM old_delivery
JOIN consignment ON consignment.id = old_delivery.consignment_id
JOIN old_result_object ON old_result_object.id = old_delivery.object_id
WHERE old_delivery.state NOT IN ('omitted', 'superseded') AND old_result_object.{OLD_KINDS}
"""
OLD_JOBS = """
INSERT INTO job (kind, subject_id, state, priority, attempt, fence_token, next_attempt_at,
    last_error, created_at, first_claimed_at, finished_at)
SELECT 'deliver', delivery.id,
    CASE delivery.state
        WHEN 'queued' THEN CASE old_job.state WHEN 'dead' THEN 'dead' ELSE 'waiting' END
        WHEN 'refused' THEN 'dead' ELSE 'done' END,
    old_job.priority, old_job.attempt, 0, old_job.next_attempt_at, old_job.last_error,
    old_job.created_at, old_job.first_claimed_at, old_job.finished_at
FROM delivery
JOIN old_delivery ON old_delivery.id = delivery.id
JOIN old_job ON old_job.id = (
    SELECT MAX(latest.id) FROM old_job AS latest
    WHERE latest.kind = 'deliver' AND latest.subject_id = old_delivery.consignment_id
)
"""


def downgrade() -> None:
    set_aside("job", "delivery", "result_object")
    create_sent()
    create_old_job()
    op.execute(
        f"INSERT INTO result_object ({OBJECT_COLUMNS}) SELECT {OBJECT_COLUMNS} FROM old_result_object"
        f" WHERE {OLD_KINDS} ORDER BY id"
    )
    op.execute(
        f"INSERT INTO job ({JOB_COLUMNS}) SELECT {JOB_COLUMNS} FROM old_job"
        " WHERE kind IN ('analyse', 'report')"
    )
    count_on("result_object", "job")
    op.execute(OLD_DELIVERIES)
    op.execute(OLD_JOBS)
    count_on("delivery")
    old = ("old_job", "old_delivery", "old_result_object")
    for table in (*old, "commitment_request", "consignment", "destination"):
        op.drop_table(table)
    for table in ("peer_request", "withdrawn_model"):
        op.drop_table(table)
    op.drop_column("instance", "destinations")
    op.drop_column("instance", "rule")
    op.drop_column("study", "priority")
    for view in (RESULT_REPORT, RESULT_IMAGE, RESULT_STUDY):
        op.execute(view)
