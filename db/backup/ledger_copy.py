"""One moment of the ledger as files, while the node goes on writing."""

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Inspector,
    MetaData,
    Select,
    collate,
    column,
    create_engine,
    inspect,
    select,
    table,
    text,
    union,
)

from db.backup.contents import encode_keys
from db.upgrade import ledger_revision

SQLITE_FILE = "ledger.sqlite"
_WORK_PREFIX = "backup-"
_VERSION_TABLE = "alembic_version"
# Where the ledger names files of the spool: table, key, and when the file was purged.
FILE_COLUMNS = (
    ("instance", "spool_key", "purged_at"),
    ("result_object", "spool_key", "purged_at"),
    ("analysis", "heatmap_key", "pictures_purged_at"),
    ("analysis", "annotated_key", "pictures_purged_at"),
)


@dataclass(frozen=True)
class LedgerCopy:
    """The ledger's files by name, and the keys of all spool files it names: in order, a line each.

    They have no names on the disk: when they are closed, or this process dies, they are gone.
    """

    revision: str
    files: dict[str, IO[bytes]]
    keys: IO[bytes]


@contextmanager
def copied_ledger(engine: Engine, folder: Path) -> Iterator[LedgerCopy]:
    """The ledger as it is now; `folder` has room for a second one, and is closed to others."""
    revision = ledger_revision(engine)
    if revision is None:
        raise ValueError("the database holds no ledger")
    copy = LedgerCopy(revision, {}, _nameless_file(folder))
    try:
        if engine.dialect.name == "sqlite":
            _copy_sqlite(engine, folder, copy)
        else:
            _copy_postgresql(engine, folder, copy)
        for file in (*copy.files.values(), copy.keys):
            file.seek(0)
        yield copy
    finally:
        for file in (*copy.files.values(), copy.keys):
            file.close()


def keys_question(connection: Connection) -> Select[str]:
    """Asks for the keys of all files that the ledger promises to have, once each, in byte order."""
    known = inspect(connection)
    parts = [_keys_of(known, *columns) for columns in FILE_COLUMNS]
    key: ColumnElement[str] = union(*parts).subquery().c.file_key
    in_order = collate(key, "C") if connection.dialect.name == "postgresql" else key
    return select(key).order_by(in_order)


def tables_in_order(connection: Connection) -> dict[str, list[str]]:
    """The columns of each table of the ledger; what a table refers to comes before it."""
    declared = MetaData()
    declared.reflect(connection)
    tables = [one for one in declared.sorted_tables if one.name != _VERSION_TABLE]
    return {one.name: [each.name for each in one.columns] for one in tables}


def _keys_of(known: Inspector, name: str, key: str, purged_at: str) -> Select[str]:
    asked: Select[str] = select(column(key).label("file_key")).select_from(table(name))
    asked = asked.where(column(key).is_not(None))
    # An older schema, before its upgrade, has no row that outlives its file.
    may_be_purged = any(one["name"] == purged_at for one in known.get_columns(name))
    return asked.where(column(purged_at).is_(None)) if may_be_purged else asked


def _copy_sqlite(engine: Engine, folder: Path, copy: LedgerCopy) -> None:
    """VACUUM INTO reads one moment, keeps no writer waiting, and leaves out what was deleted."""
    for left_over in folder.glob(f"{_WORK_PREFIX}*/{SQLITE_FILE}"):
        left_over.unlink()
        left_over.parent.rmdir()
    with tempfile.TemporaryDirectory(prefix=_WORK_PREFIX, dir=folder) as name:
        path = Path(name) / SQLITE_FILE
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            driver: sqlite3.Connection = connection.connection.driver_connection  # type: ignore[assignment]
            driver.execute("VACUUM INTO ?", (str(path),))
        copy.files[SQLITE_FILE] = path.open("rb")
        _write_sqlite_keys(path, copy)


def _write_sqlite_keys(path: Path, copy: LedgerCopy) -> None:
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        keys = connection.execute(keys_question(connection)).scalars()
        copy.keys.writelines(encode_keys(keys))
    engine.dispose()


def _copy_postgresql(engine: Engine, folder: Path, copy: LedgerCopy) -> None:
    """Every table by COPY in one REPEATABLE READ transaction: all of one moment, no lock taken."""
    repeatable = engine.connect().execution_options(isolation_level="REPEATABLE READ")
    with repeatable as connection, connection.begin():
        for setting in ("statement_timeout", "idle_in_transaction_session_timeout"):
            connection.execute(text(f"SET LOCAL {setting} = 0"))
        driver: Any = connection.connection.driver_connection
        for name, columns in tables_in_order(connection).items():
            file = copy.files[f"{name}.copy"] = _nameless_file(folder)
            with driver.cursor().copy(copy_statement(name, columns, "TO STDOUT")) as rows:
                for piece in rows:
                    file.write(piece)
        streaming = connection.execution_options(stream_results=True)
        copy.keys.writelines(encode_keys(streaming.execute(keys_question(connection)).scalars()))


def copy_statement(name: str, columns: list[str], direction: str) -> str:
    """PostgreSQL's COPY of all columns by name: their order may differ after a migration."""
    names = ", ".join(f'"{one}"' for one in columns)
    return f'COPY "{name}" ({names}) {direction}'


def _nameless_file(folder: Path) -> IO[bytes]:
    return tempfile.TemporaryFile(dir=folder)
