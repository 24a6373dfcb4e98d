"""Each attempt at sending a consignment or confirming it is kept with its end, whoever ends it."""

from db.migrations.triggers import MOMENT, Trigger

VALUES = (
    "NEW.id, OLD.attempt, NEW.state,"
    f" CASE WHEN NEW.state <> 'done' THEN NEW.last_error END, {MOMENT}"
)
ATTEMPT_TRIGGERS = (
    Trigger(
        "job_attempted",
        "UPDATE OF state ON job",
        f"INSERT INTO job_attempt (job_id, attempt, state, error, ended_at) VALUES ({VALUES})",  # noqa: S608
        "OLD.state = 'running' AND NEW.state <> 'running' AND NEW.kind IN ('deliver', 'confirm')",
    ),
)
