"""Whatever changes what the worklist says of a study notes the study, whoever changes it.

Each note is a row of its own: one shared by two transactions would make them wait for each other.
"""

from db.migrations.triggers import Trigger

SERIES_STUDY = "SELECT series.study_id FROM series"
INSTANCE_STUDY = f"{SERIES_STUDY} JOIN instance ON instance.series_id = series.id"
CONSIGNMENT_STUDY = (
    "SELECT report.study_id FROM report JOIN consignment ON consignment.report_id = report.id"
)
JOB_STUDY = f"""SELECT study.id FROM study WHERE study.id = CASE
    WHEN NEW.kind = 'analyse' THEN ({INSTANCE_STUDY} WHERE instance.id = NEW.subject_id)
    WHEN NEW.kind = 'report' THEN NEW.subject_id
    ELSE ({CONSIGNMENT_STUDY} WHERE consignment.id = NEW.subject_id)
END"""  # noqa: S608 - of our own words alone
# Claims and heartbeats change nothing that is shown; what was wrong is not shown of what is done.
JOB_SAYS_MORE = """NEW.kind <> 'answer' AND (
    NEW.state = 'dead' OR OLD.state = 'dead'
    OR (NEW.state = 'done' AND NEW.last_error IS NOT NULL)
    OR COALESCE(NEW.last_error, '') <> COALESCE(OLD.last_error, '')
)"""


def _noting(name: str, event: str, studies: str, condition: str = "") -> Trigger:
    """`studies` selects those that the change concerns."""
    insertion = f"INSERT INTO worklist_stale (study_id) {studies}"
    return Trigger(f"worklist_{name}", event, insertion, condition)


WORKLIST_TRIGGERS = (
    _noting("study_came", "INSERT ON study", "SELECT NEW.id"),
    _noting("study_changed", "UPDATE ON study", "SELECT NEW.id"),
    _noting(
        "instance_apart",
        "INSERT ON instance",
        f"{SERIES_STUDY} WHERE series.id = NEW.series_id",
        "NEW.quarantine_reason IS NOT NULL",
    ),
    _noting(
        "analysis_came",
        "INSERT ON analysis",
        f"{INSTANCE_STUDY} WHERE instance.id = NEW.instance_id",
    ),
    _noting(
        "analysis_changed",
        "UPDATE ON analysis",
        f"{INSTANCE_STUDY} WHERE instance.id = NEW.instance_id",
    ),
    _noting("report_came", "INSERT ON report", "SELECT NEW.study_id"),
    _noting(
        "delivery_came",
        "INSERT ON delivery",
        f"{CONSIGNMENT_STUDY} WHERE consignment.id = NEW.consignment_id",
    ),
    _noting(
        "delivery_changed",
        "UPDATE OF state ON delivery",
        f"{CONSIGNMENT_STUDY} WHERE consignment.id = NEW.consignment_id",
    ),
    _noting("job_changed", "UPDATE ON job", JOB_STUDY, JOB_SAYS_MORE),
    _noting(
        "association_closed",
        "UPDATE OF closed_at ON association",
        f"SELECT DISTINCT {INSTANCE_STUDY.removeprefix('SELECT ')}"
        " WHERE instance.association_id = NEW.id",
    ),
    _noting(
        "model_withdrawn",
        "INSERT ON withdrawn_model",
        f"SELECT DISTINCT {INSTANCE_STUDY.removeprefix('SELECT ')}"
        " JOIN analysis ON analysis.instance_id = instance.id"
        " WHERE analysis.model_version = NEW.model_version",
    ),
    _noting("verdict_came", "INSERT ON verdict", "SELECT NEW.study_id"),
)
