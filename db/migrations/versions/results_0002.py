"""The views for anyone with a SQL client: a row per image, per report and per study."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Written as plain lookups from the row outwards, so that asking for one study stays fast.

RESULT_IMAGE = """
CREATE VIEW result_image AS
SELECT
    study.study_instance_uid,
    series.series_instance_uid,
    instance.sop_instance_uid,
    instance.sop_class_uid,
    study.patient_id,
    study.accession_number,
    study.study_date,
    series.modality,
    instance.body_part,
    instance.laterality,
    instance.view_position,
    instance.is_image,
    instance.spool_key AS file,
    CASE
        WHEN instance.quarantine_reason IS NOT NULL THEN 'quarantined'
        WHEN analysis.id IS NOT NULL THEN analysis.state
        WHEN study.blocked_reason IS NOT NULL THEN 'blocked'
        ELSE CASE (
            SELECT job.state FROM job
            WHERE job.kind = 'analyse' AND job.subject_id = instance.id
            ORDER BY job.id DESC LIMIT 1
        ) WHEN 'waiting' THEN 'waiting' WHEN 'running' THEN 'analysing' ELSE 'failed' END
    END AS state,
    analysis.probability,
    analysis.region,
    analysis.region_probability,
    analysis.fracture_type AS type,
    analysis.type_probability,
    analysis.severity,
    analysis.boxes,
    analysis.frame,
    NULLIF(TRIM(analysis.model_name || ' ' || analysis.model_version), '') AS model,
    CASE
        WHEN instance.quarantine_reason IS NOT NULL THEN instance.quarantine_reason
        WHEN analysis.id IS NOT NULL THEN analysis.reason
        WHEN study.blocked_reason IS NOT NULL THEN study.blocked_reason
        ELSE (
            SELECT job.last_error FROM job
            WHERE job.kind = 'analyse' AND job.subject_id = instance.id
            ORDER BY job.id DESC LIMIT 1
        )
    END AS reason,
    instance.received_at,
    analysis.analysed_at,
    (
        SELECT MIN(report.reported_at) FROM report
        WHERE report.study_id = study.id
        AND report.evidence_version >= analysis.evidence_version
        AND instance.is_image
    ) AS reported_at,
    (
        SELECT MIN(report.delivered_at) FROM result_report AS report
        WHERE report.study_id = study.id
        AND report.evidence_version >= analysis.evidence_version
        AND instance.is_image
    ) AS delivered_at
FROM instance
JOIN series ON series.id = instance.series_id
JOIN study ON study.id = series.study_id
LEFT JOIN analysis ON analysis.id = (
    SELECT MAX(latest.id) FROM analysis AS latest WHERE latest.instance_id = instance.id
)
"""

DELIVERIES = """
    FROM result_object JOIN delivery ON delivery.object_id = result_object.id
    WHERE result_object.report_id = report.id"""

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
    (SELECT COUNT(*) {DELIVERIES}) AS deliveries,
    (SELECT COUNT(*) {DELIVERIES} AND delivery.state = 'sent') AS deliveries_sent,
    (SELECT COUNT(*) {DELIVERIES} AND delivery.state = 'refused') AS deliveries_refused,
    (
        SELECT CASE WHEN COUNT(delivery.sent_at) = COUNT(*) THEN MAX(delivery.sent_at) END
        {DELIVERIES}
    ) AS delivered_at,
    (
        SELECT MAX(job.last_error)
        FROM result_object
        JOIN delivery ON delivery.object_id = result_object.id
        JOIN job ON job.kind = 'deliver' AND job.subject_id = delivery.id
        WHERE result_object.report_id = report.id AND delivery.state <> 'sent'
    ) AS delivery_error
FROM report
"""

LIVE_IMAGE = "instance.is_image AND instance.quarantine_reason IS NULL"

RESULT_STUDY = f"""
CREATE VIEW result_study AS
SELECT
    evidence.study_instance_uid,
    evidence.patient_id,
    evidence.accession_number,
    evidence.study_date,
    evidence.study_description,
    CASE
        WHEN evidence.blocked_reason IS NOT NULL THEN 'blocked'
        WHEN evidence.images = 0 THEN 'no_images'
        WHEN evidence.unreported_since IS NULL THEN CASE
            WHEN report.deliveries_refused > 0 THEN 'failed'
            WHEN report.delivered_at IS NOT NULL THEN 'delivered'
            ELSE 'reported'
        END
        WHEN evidence.open_associations > 0 THEN 'receiving'
        WHEN evidence.images_pending > 0 THEN 'analysing'
        WHEN evidence.settled_evidence_version = evidence.evidence_version AND NOT EXISTS (
            SELECT 1 FROM job
            WHERE job.kind = 'report' AND job.subject_id = evidence.study_id
            AND job.state IN ('waiting', 'running')
        ) THEN 'failed'
        ELSE 'reporting'
    END AS state,
    CASE
        WHEN evidence.images_fracture > 0 THEN 'fracture'
        WHEN evidence.images_possible > 0 THEN 'possible'
        WHEN evidence.images_analysed > 0 THEN 'none'
        WHEN evidence.images_not_analysed > 0 THEN 'not_analysed'
    END AS finding,
    evidence.probability,
    evidence.images,
    evidence.images_analysed,
    evidence.images_not_analysed,
    evidence.images_pending,
    evidence.quarantined,
    evidence.other_objects,
    report.revision AS report_revision,
    report.deliveries,
    report.deliveries_sent,
    report.deliveries_refused,
    CASE
        WHEN evidence.blocked_reason IS NOT NULL THEN evidence.blocked_reason
        WHEN evidence.unreported_since IS NULL THEN report.delivery_error
        ELSE (
            SELECT job.last_error FROM job
            WHERE job.kind = 'report' AND job.subject_id = evidence.study_id
            AND job.state <> 'done'
            ORDER BY job.id DESC LIMIT 1
        )
    END AS reason,
    evidence.received_at,
    evidence.last_instance_at,
    evidence.analysed_at,
    report.reported_at,
    report.delivered_at
FROM (
    SELECT
        study.id AS study_id,
        study.study_instance_uid,
        study.patient_id,
        study.accession_number,
        study.study_date,
        study.study_description,
        study.blocked_reason,
        study.unreported_since,
        study.evidence_version,
        study.settled_evidence_version,
        study.received_at,
        study.last_instance_at,
        COUNT(*) FILTER (WHERE {LIVE_IMAGE}) AS images,
        COUNT(*) FILTER (WHERE {LIVE_IMAGE} AND analysis.state = 'fracture') AS images_fracture,
        COUNT(*) FILTER (WHERE {LIVE_IMAGE} AND analysis.state = 'possible') AS images_possible,
        COUNT(*) FILTER (WHERE {LIVE_IMAGE} AND analysis.state <> 'not_analysed')
            AS images_analysed,
        COUNT(*) FILTER (WHERE {LIVE_IMAGE} AND analysis.state = 'not_analysed')
            AS images_not_analysed,
        COUNT(*) FILTER (WHERE {LIVE_IMAGE} AND analysis.id IS NULL) AS images_pending,
        COUNT(*) FILTER (WHERE instance.quarantine_reason IS NOT NULL) AS quarantined,
        COUNT(*) FILTER (WHERE NOT instance.is_image AND instance.quarantine_reason IS NULL)
            AS other_objects,
        COUNT(*) FILTER (WHERE association.id IS NOT NULL AND association.closed_at IS NULL)
            AS open_associations,
        MAX(analysis.probability) FILTER (WHERE {LIVE_IMAGE}) AS probability,
        MAX(analysis.analysed_at) FILTER (WHERE {LIVE_IMAGE}) AS analysed_at
    FROM study
    LEFT JOIN series ON series.study_id = study.id
    LEFT JOIN instance ON instance.series_id = series.id
    LEFT JOIN association ON association.id = instance.association_id
    LEFT JOIN analysis ON analysis.id = (
        SELECT MAX(latest.id) FROM analysis AS latest WHERE latest.instance_id = instance.id
    )
    GROUP BY study.id, study.study_instance_uid, study.patient_id, study.accession_number,
        study.study_date, study.study_description, study.blocked_reason, study.unreported_since,
        study.evidence_version, study.settled_evidence_version, study.received_at,
        study.last_instance_at
) AS evidence
LEFT JOIN result_report AS report ON report.report_id = (
    SELECT latest.id FROM report AS latest
    WHERE latest.study_id = evidence.study_id
    ORDER BY latest.revision DESC LIMIT 1
)
"""


def upgrade() -> None:
    for view in (RESULT_REPORT, RESULT_IMAGE, RESULT_STUDY):
        op.execute(view)


def downgrade() -> None:
    for view in ("result_study", "result_image", "result_report"):
        op.execute(f"DROP VIEW {view}")
