"""Whatever changes what the worklist says of a study notes the study, whoever changes it.

Each note is a row of its own: one shared by two transactions would make them wait for each other.
"""

from dataclasses import dataclass

import sqlalchemy as sa
from alembic import op

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


@dataclass(frozen=True)
class Trigger:
    """After which change of which table, and the studies it concerns."""

    name: str
    event: str
    studies: str
    condition: str = ""


TRIGGERS = (
    Trigger("study_came", "INSERT ON study", "SELECT NEW.id"),
    Trigger("study_changed", "UPDATE ON study", "SELECT NEW.id"),
    Trigger(
        "instance_apart",
        "INSERT ON instance",
        f"{SERIES_STUDY} WHERE series.id = NEW.series_id",
        "NEW.quarantine_reason IS NOT NULL",
    ),
    Trigger(
        "analysis_came",
        "INSERT ON analysis",
        f"{INSTANCE_STUDY} WHERE instance.id = NEW.instance_id",
    ),
    Trigger(
        "analysis_changed",
        "UPDATE ON analysis",
        f"{INSTANCE_STUDY} WHERE instance.id = NEW.instance_id",
    ),
    Trigger("report_came", "INSERT ON report", "SELECT NEW.study_id"),
    Trigger(
        "delivery_came",
        "INSERT ON delivery",
        f"{CONSIGNMENT_STUDY} WHERE consignment.id = NEW.consignment_id",
    ),
    Trigger(
        "delivery_changed",
        "UPDATE OF state ON delivery",
        f"{CONSIGNMENT_STUDY} WHERE consignment.id = NEW.consignment_id",
    ),
    Trigger("job_changed", "UPDATE ON job", JOB_STUDY, JOB_SAYS_MORE),
    Trigger(
        "association_closed",
        "UPDATE OF closed_at ON association",
        f"SELECT DISTINCT {INSTANCE_STUDY.removeprefix('SELECT ')}"
        " WHERE instance.association_id = NEW.id",
    ),
    Trigger(
        "model_withdrawn",
        "INSERT ON withdrawn_model",
        f"SELECT DISTINCT {INSTANCE_STUDY.removeprefix('SELECT ')}"
        " JOIN analysis ON analysis.instance_id = instance.id"
        " WHERE analysis.model_version = NEW.model_version",
    ),
    Trigger("verdict_came", "INSERT ON verdict", "SELECT NEW.study_id"),
)


def create_triggers() -> None:
    create = create_postgresql if is_postgresql() else create_sqlite
    for trigger in TRIGGERS:
        create(trigger)


def drop_triggers() -> None:
    for trigger in TRIGGERS:
        if is_postgresql():
            op.execute(f"DROP FUNCTION worklist_{trigger.name}() CASCADE")
        else:
            op.execute(f"DROP TRIGGER worklist_{trigger.name}")


def create_sqlite(trigger: Trigger) -> None:
    when = f"WHEN {trigger.condition}" if trigger.condition else ""
    statement = f"""CREATE TRIGGER worklist_{trigger.name} AFTER {trigger.event} {when} BEGIN
        INSERT INTO worklist_stale (study_id) {trigger.studies};
    END"""
    op.get_bind().execute(sa.text(statement))


def create_postgresql(trigger: Trigger) -> None:
    name = f"worklist_{trigger.name}"
    when = f"WHEN ({trigger.condition})" if trigger.condition else ""
    op.execute(f"""CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO worklist_stale (study_id) {trigger.studies};
        RETURN NULL;
    END $$""")
    op.execute(
        f"CREATE TRIGGER {name} AFTER {trigger.event} FOR EACH ROW {when} EXECUTE FUNCTION {name}()"
    )


def is_postgresql() -> bool:
    return bool(op.get_bind().dialect.name == "postgresql")
