"""From a backup's files to a ledger that a node can go on with."""

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    column,
    delete,
    func,
    inspect,
    make_url,
    select,
    table,
    text,
    update,
)

from db.backup.archive import file_pieces
from db.backup.contents import BackupUnsuitable
from db.backup.ledger_copy import (
    FILE_COLUMNS,
    SQLITE_FILE,
    copy_statement,
    keys_question,
    tables_in_order,
)
from db.clock import UtcDateTime, database_now
from db.session import open_ledger, transaction
from db.upgrade import migrate, upgrade_ledger

# Who was signed in, and which processes ran, is over.
_NOT_RESTORED = ("presence", "user_session")


def refuse_unsuitable_database(url: str, database: str) -> None:
    """Raises BackupUnsuitable unless the database is of the backup's kind, and empty."""
    target = make_url(url)
    if target.get_backend_name() != database:
        raise BackupUnsuitable(
            f"the backup is of a ledger in {database}, and the setting database_url names another"
            " kind of database"
        )
    if database == "sqlite":
        if Path(target.database or "").exists():
            raise BackupUnsuitable(f"there is a ledger already: {target.database}")
        return
    engine = open_ledger(url)
    try:
        if inspect(engine).get_table_names():
            raise BackupUnsuitable("the database holds tables already: name one that is empty")
    finally:
        engine.dispose()


def load_ledger(url: str, revision: str, files: Mapping[str, Path], gone: Sequence[str]) -> None:
    """Bring the ledger back, all or nothing, and up to this release's schema.

    What the rows say of the files in `gone` is that they were purged.
    """
    if SQLITE_FILE in files:
        _place_sqlite(files[SQLITE_FILE], Path(make_url(url).database or ""), gone)
    else:
        _load_postgresql(url, revision, files, gone)


def ledger_keys(engine: Engine) -> set[str]:
    """Keys of all files that the ledger promises to have."""
    with engine.connect() as connection:
        return set(connection.execute(keys_question(connection)).scalars())


def _place_sqlite(file: Path, path: Path, gone: Sequence[str]) -> None:
    with sqlite3.connect(file) as connection:
        (answer,) = connection.execute("PRAGMA quick_check").fetchone()
    connection.close()
    if answer != "ok":
        raise BackupUnsuitable(f"the ledger in it is damaged: {answer}")
    upgrade_ledger(f"sqlite:///{file}")
    engine = open_ledger(f"sqlite:///{file}")
    with transaction(engine) as session:
        _end_what_ran(session.connection(), gone)
    engine.dispose()
    with sqlite3.connect(file) as connection:  # so that the file alone is the ledger
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode=DELETE")
    connection.close()
    file.rename(path)


def _load_postgresql(
    url: str, revision: str, files: Mapping[str, Path], gone: Sequence[str]
) -> None:
    engine = open_ledger(url)
    try:
        with engine.begin() as connection:
            migrate(connection, revision)
            for setting in ("statement_timeout", "idle_in_transaction_session_timeout"):
                connection.execute(text(f"SET LOCAL {setting} = 0"))
            for name, columns in tables_in_order(connection).items():
                _load_table(connection, name, columns, files[f"{name}.copy"])
            migrate(connection, "head")
            _end_what_ran(connection, gone)
    finally:
        engine.dispose()


def _load_table(connection: Connection, name: str, columns: list[str], path: Path) -> None:
    """Its own triggers rest: what they would note came with the backup."""
    driver: Any = connection.connection.driver_connection
    connection.execute(text(f'ALTER TABLE "{name}" DISABLE TRIGGER USER'))
    connection.execute(delete(table(name)))  # what a migration put there
    statement = copy_statement(name, columns, "FROM STDIN")
    with path.open("rb") as file, driver.cursor().copy(statement) as rows:
        for piece in file_pieces(file):
            rows.write(piece)
    connection.execute(text(f'ALTER TABLE "{name}" ENABLE TRIGGER USER'))
    if "id" in columns:
        _go_on_counting(connection, name)


def _go_on_counting(connection: Connection, name: str) -> None:
    sequence = connection.scalar(select(func.pg_get_serial_sequence(f'"{name}"', "id")))
    last = connection.scalar(select(func.max(column("id"))).select_from(table(name)))
    if sequence is not None and last is not None:
        connection.execute(select(func.setval(sequence, last)))


def _end_what_ran(connection: Connection, gone: Sequence[str]) -> None:
    for name in _NOT_RESTORED:
        connection.execute(delete(table(name)))
    for name, key, purged_at in FILE_COLUMNS if gone else ():
        rows = table(name, column(purged_at, UtcDateTime()), column(key))
        purged = {purged_at: database_now()}
        connection.execute(update(rows).values(purged).where(rows.c[key].in_(gone)))
