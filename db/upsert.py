"""Writing a row that another process may be inserting at this very moment."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from db.tables import Base


def insert_unless_present(
    session: Session, table: type[Base], values: dict[str, Any]
) -> int | None:
    """The new row's id; None where a unique rule already had its like (never an error)."""
    postgres = session.get_bind().dialect.name == "postgresql"
    insert = (postgresql if postgres else sqlite).insert(table).values(values)
    statement = insert.on_conflict_do_nothing().returning(table.__table__.c.id)
    return session.execute(statement).scalar_one_or_none()


def insert_or_update(
    session: Session,
    table: type[Base],
    values: dict[str, Any],
    *,
    key: Sequence[str],
    changes: dict[str, Any],
) -> None:
    """A new row of these values; where one of the same key is there, these changes to it."""
    postgres = session.get_bind().dialect.name == "postgresql"
    insert = (postgresql if postgres else sqlite).insert(table).values(values)
    session.execute(insert.on_conflict_do_update(index_elements=key, set_=changes))


def insert_each_unless_present(
    session: Session, table: type[Base], columns: Sequence[str], rows: Select[Any]
) -> None:
    """All that `rows` selects in one statement, each row unless it is there; `rows` has a WHERE.

    SQLite would take ON CONFLICT for a join's condition without one.
    """
    postgres = session.get_bind().dialect.name == "postgresql"
    insert = (postgresql if postgres else sqlite).insert(table)
    session.execute(insert.from_select(columns, rows).on_conflict_do_nothing())


def find_or_insert(
    session: Session, table: type[Base], values: dict[str, Any], find: Select[int]
) -> int:
    """The id `find` selects, after inserting the row where it is missing."""
    found = session.execute(find).scalar_one_or_none()
    if found is None:
        found = insert_unless_present(session, table, values)
    # Lost the race: by now the other's row is committed and visible.
    return session.execute(find).scalar_one() if found is None else found
