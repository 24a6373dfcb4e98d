"""Each attempt at sending a consignment or confirming it is kept with its end, whoever ends it."""

import sqlalchemy as sa
from alembic import op

NAME = "job_attempted"
CONDITION = (
    "OLD.state = 'running' AND NEW.state <> 'running' AND NEW.kind IN ('deliver', 'confirm')"
)
VALUES = "NEW.id, OLD.attempt, NEW.state, CASE WHEN NEW.state <> 'done' THEN NEW.last_error END"
COLUMNS = "job_id, attempt, state, error, ended_at"


def create_attempt_trigger() -> None:
    if _is_postgresql():
        op.execute(f"""CREATE FUNCTION {NAME}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            INSERT INTO job_attempt ({COLUMNS}) VALUES ({VALUES}, clock_timestamp());
            RETURN NULL;
        END $$""")  # noqa: S608 - of our own words alone
        op.execute(
            f"CREATE TRIGGER {NAME} AFTER UPDATE OF state ON job FOR EACH ROW"
            f" WHEN ({CONDITION}) EXECUTE FUNCTION {NAME}()"
        )
        return
    statement = f"""CREATE TRIGGER {NAME} AFTER UPDATE OF state ON job WHEN {CONDITION} BEGIN
        INSERT INTO job_attempt ({COLUMNS})
        VALUES ({VALUES}, strftime('%Y-%m-%dT%H\\:%M\\:%fZ', 'now'));
    END"""  # noqa: S608 - of our own words alone
    op.get_bind().execute(sa.text(statement))


def drop_attempt_trigger() -> None:
    if _is_postgresql():
        op.execute(f"DROP FUNCTION {NAME}() CASCADE")
    else:
        op.execute(f"DROP TRIGGER {NAME}")


def _is_postgresql() -> bool:
    return bool(op.get_bind().dialect.name == "postgresql")
