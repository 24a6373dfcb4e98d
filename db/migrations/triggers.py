"""Triggers that write a row of their own, on either database: whoever changes the ledger.

Each inserts only: rows that two transactions shared would make them wait for each other.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from alembic import op

# Stands in an insertion for the moment it runs, which each database words in its own way.
MOMENT = "<moment>"
_SQLITE_MOMENT = r"strftime('%Y-%m-%dT%H\:%M\:%fZ', 'now')"
_POSTGRESQL_MOMENT = "clock_timestamp()"


@dataclass(frozen=True)
class Trigger:
    """After which change of which table, what is inserted, and on which condition."""

    name: str
    event: str
    insertion: str
    condition: str = ""


def create_triggers(triggers: Iterable[Trigger]) -> None:
    create = _create_postgresql if _is_postgresql() else _create_sqlite
    for trigger in triggers:
        create(trigger)


def drop_triggers(triggers: Iterable[Trigger]) -> None:
    for trigger in triggers:
        if _is_postgresql():
            op.execute(f"DROP FUNCTION {trigger.name}() CASCADE")
        else:
            op.execute(f"DROP TRIGGER {trigger.name}")


def _create_sqlite(trigger: Trigger) -> None:
    when = f"WHEN {trigger.condition}" if trigger.condition else ""
    insertion = trigger.insertion.replace(MOMENT, _SQLITE_MOMENT)
    statement = f"CREATE TRIGGER {trigger.name} AFTER {trigger.event} {when} BEGIN {insertion}; END"
    op.get_bind().execute(sa.text(statement))


def _create_postgresql(trigger: Trigger) -> None:
    name = trigger.name
    when = f"WHEN ({trigger.condition})" if trigger.condition else ""
    insertion = trigger.insertion.replace(MOMENT, _POSTGRESQL_MOMENT)
    op.execute(f"""CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        {insertion};
        RETURN NULL;
    END $$""")
    op.execute(
        f"CREATE TRIGGER {name} AFTER {trigger.event} FOR EACH ROW {when} EXECUTE FUNCTION {name}()"
    )


def _is_postgresql() -> bool:
    return bool(op.get_bind().dialect.name == "postgresql")
