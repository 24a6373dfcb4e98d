"""The views again: what a destination got and why, and whether it keeps it."""

from alembic import op

from db.migrations.versions.notes_0003 import RESULT_IMAGE as WITHOUT_PROOF
from db.migrations.versions.results_0002 import RESULT_STUDY as STUDY_WITHOUT_PROOF

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

MEANT = (
    "delivery.consignment_id = consignment.id AND delivery.state NOT IN ('omitted', 'superseded')"
)
OF_CONSIGNMENT = f"FROM delivery WHERE {MEANT}"
OVERTAKEN = (
    "FROM delivery WHERE delivery.consignment_id = consignment.id"
    " AND delivery.state = 'superseded'"
)
SENT = "delivery.state IN ('sent', 'committed')"

RESULT_DELIVERY = f"""
CREATE VIEW result_delivery AS
SELECT
    counted.consignment_id,
    counted.report_id,
    counted.study_instance_uid,
    counted.revision,
    counted.destination,
    CASE
        WHEN counted.objects = 0 THEN 'superseded'
        WHEN counted.refused > 0 THEN 'refused'
        WHEN counted.objects = counted.committed THEN 'committed'
        WHEN counted.objects = counted.sent THEN 'sent'
        WHEN job.state = 'dead' THEN 'failed'
        ELSE 'queued'
    END AS state,
    counted.rung,
    COALESCE(CASE WHEN counted.objects = 0 THEN counted.overtaken END, counted.rung_reason) AS why,
    counted.proof,
    counted.objects,
    counted.sent,
    counted.committed,
    counted.refused,
    COALESCE(counted.refusal, CASE WHEN job.state <> 'done' THEN job.last_error END) AS error,
    counted.created_at,
    CASE WHEN counted.objects = counted.sent THEN counted.last_sent_at END AS sent_at,
    CASE WHEN counted.objects = counted.committed THEN counted.last_committed_at END
        AS committed_at
FROM (
    SELECT
        consignment.id AS consignment_id,
        consignment.report_id,
        study.study_instance_uid,
        report.revision,
        consignment.destination,
        consignment.rung,
        consignment.rung_reason,
        consignment.proof,
        consignment.created_at,
        (SELECT COUNT(*) {OF_CONSIGNMENT}) AS objects,
        (SELECT COUNT(*) {OF_CONSIGNMENT} AND {SENT}) AS sent,
        (SELECT COUNT(*) {OF_CONSIGNMENT} AND delivery.state = 'committed') AS committed,
        (SELECT COUNT(*) {OF_CONSIGNMENT} AND delivery.state = 'refused') AS refused,
        (SELECT MAX(delivery.reason) {OF_CONSIGNMENT} AND delivery.state = 'refused') AS refusal,
        (SELECT MAX(delivery.reason) {OVERTAKEN}) AS overtaken,
        (SELECT MAX(delivery.sent_at) {OF_CONSIGNMENT}) AS last_sent_at,
        (SELECT MAX(delivery.committed_at) {OF_CONSIGNMENT}) AS last_committed_at
    FROM consignment
    JOIN report ON report.id = consignment.report_id
    JOIN study ON study.id = report.study_id
) AS counted
LEFT JOIN job ON job.id = (
    SELECT MAX(latest.id) FROM job AS latest
    WHERE latest.kind IN ('deliver', 'confirm') AND latest.subject_id = counted.consignment_id
)
"""

OF_REPORT = f"""
    FROM consignment JOIN delivery ON {MEANT}
    WHERE consignment.report_id = report.id"""
IS_WHOLE = """NOT EXISTS (
            SELECT 1 FROM consignment
            JOIN delivery ON delivery.consignment_id = consignment.id
            WHERE consignment.report_id = report.id AND delivery.state = 'superseded'
        )"""

RESULT_REPORT = f"""
CREATE VIEW result_report AS
SELECT
    report.id AS report_id,
    report.study_id,
    report.revision,
    report.evidence_version,
    report.state AS finding,
    report.probability,
    report.created_at,
    report.reported_at,
    (SELECT COUNT(*) {OF_REPORT}) AS deliveries,
    (SELECT COUNT(*) {OF_REPORT} AND {SENT}) AS deliveries_sent,
    (SELECT COUNT(*) {OF_REPORT} AND delivery.state = 'committed') AS deliveries_committed,
    (SELECT COUNT(*) {OF_REPORT} AND delivery.state = 'refused') AS deliveries_refused,
    (
        SELECT CASE WHEN {IS_WHOLE} AND COUNT(*) FILTER (WHERE {SENT}) = COUNT(*)
            THEN MAX(delivery.sent_at) END
        {OF_REPORT}
    ) AS delivered_at,
    (
        SELECT CASE WHEN {IS_WHOLE}
            AND COUNT(*) FILTER (WHERE delivery.state = 'committed') = COUNT(*)
            THEN MAX(delivery.committed_at) END
        {OF_REPORT}
    ) AS committed_at,
    (
        SELECT MAX(result_delivery.error) FROM result_delivery
        WHERE result_delivery.report_id = report.id
    ) AS delivery_error
FROM report
"""

WITHDRAWN = """(
        SELECT withdrawn_model.reason FROM withdrawn_model
        WHERE withdrawn_model.model_version = analysis.model_version
    )"""
COMMITTED_AT = """
    (
        SELECT MIN(report.committed_at) FROM result_report AS report
        WHERE report.study_id = study.id
        AND report.evidence_version >= analysis.evidence_version
        AND instance.is_image
    ) AS committed_at
FROM instance
"""
RESULT_IMAGE = WITHOUT_PROOF.replace(
    "AS delivered_at\nFROM instance\n", f"AS delivered_at,{COMMITTED_AT}"
).replace(
    "    instance.spool_key AS file,\n", "    instance.spool_key AS file,\n    instance.rule,\n"
).replace("    instance.received_at,\n", f"    {WITHDRAWN} AS withdrawn,\n    instance.received_at,\n")

# Of every revision: pictures go once, and those of an earlier one may still be on their way.
ANY = """EXISTS (
                SELECT 1 FROM report AS every
                JOIN consignment ON consignment.report_id = every.id
                JOIN delivery ON delivery.consignment_id = consignment.id
                WHERE every.study_id = evidence.study_id AND delivery.state = '{}'
            )"""
RESULT_STUDY = (
    STUDY_WITHOUT_PROOF.replace(
        "WHEN report.deliveries_refused > 0", f"WHEN {ANY.format('refused')}"
    )
    .replace(
        "WHEN report.delivered_at IS NOT NULL",
        f"WHEN {ANY.format('queued')} THEN 'reported'\n"
        "            WHEN report.committed_at IS NOT NULL THEN 'committed'\n"
        "            WHEN report.delivered_at IS NOT NULL",
    )
    .replace(
        "    report.deliveries_refused,\n",
        "    report.deliveries_committed,\n    report.deliveries_refused,\n",
    )
    .replace(
        "    report.delivered_at\nFROM (", "    report.delivered_at,\n    report.committed_at\nFROM ("
    )
)
VIEWS = ("result_study", "result_image", "result_report", "result_delivery")


def upgrade() -> None:
    for view in (RESULT_DELIVERY, RESULT_REPORT, RESULT_IMAGE, RESULT_STUDY):
        op.execute(view)


def downgrade() -> None:
    for view in VIEWS:
        op.execute(f"DROP VIEW {view}")
