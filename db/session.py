"""Opening the ledger, and the transactions everything in it is written and read by."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    ExceptionContext,
    create_engine,
    event,
    make_url,
    text,
)
from sqlalchemy.exc import DataError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

SQLITE_BUSY_SECONDS = 10
_FILE_TROUBLE = ("disk I/O error", "readonly database", "unable to open database file")
_READ_ONLY = "ledger_read_only"
_POSTGRESQL_OPTIONS = (
    "-c timezone=UTC -c synchronous_commit=on -c lock_timeout=10s"
    " -c statement_timeout=60s -c idle_in_transaction_session_timeout=60s"
)

# A server whose machine is gone sends nothing more: without these, TCP would wait for hours.
_CONNECTION_LIMITS = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,  # milliseconds
}


class LedgerUnavailable(Exception):
    """The database does not answer, is busy or is full: nothing was written, try again later."""


class LedgerUnsafe(Exception):
    """The database would lose what it has confirmed: a person mends its configuration."""


class ValueNotHeld(Exception):
    """No column can hold what was asked about, or was to be written: a number or text of no use."""


def open_ledger(url: str, *, answer_seconds: float | None = None) -> Engine:
    """Connect to the ledger, durable or not at all; of `sqlite:///PATH` the folder must exist.

    With `answer_seconds` a server that takes longer for a statement is LedgerUnavailable.
    """
    database = make_url(url)
    if database.get_backend_name() == "sqlite":
        engine = _sqlite_engine(url)
    elif database.get_backend_name() != "postgresql":
        raise LedgerUnsafe("a ledger is kept in SQLite or PostgreSQL, in nothing else")
    else:
        engine = create_engine(
            database.set(drivername="postgresql+psycopg"),
            pool_pre_ping=True,
            hide_parameters=True,
            pool_size=5,
            max_overflow=15,
            connect_args={"options": _POSTGRESQL_OPTIONS, **_CONNECTION_LIMITS},
        )
        if answer_seconds is not None:
            from db.bounded_connection import bound_answers

            bound_answers(engine, answer_seconds)
    try:
        _refuse_unsafe(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


@contextmanager
def transaction(engine: Engine) -> Iterator[Session]:
    """A writing transaction: committed at the end, rolled back on any error.

    On PostgreSQL a deadlock or a lock timeout surfaces as LedgerUnavailable too: try again.
    """
    with troubles_named(), Session(engine, expire_on_commit=False) as session, session.begin():
        yield session


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """A transaction that only reads, and so never waits for a writer."""
    reader = engine.execution_options(**{_READ_ONLY: True})
    with troubles_named(), Session(reader) as session, session.begin():
        yield session


@contextmanager
def troubles_named() -> Iterator[None]:
    """What a driver raises becomes what to do about it: ValueNotHeld, LedgerUnavailable."""
    try:
        yield
    except (DataError, OverflowError) as error:  # the latter from SQLite's driver
        raise ValueNotHeld(type(error).__name__) from error
    except (OperationalError, InterfaceError, PoolTimeout) as error:
        raise LedgerUnavailable(_without_values(error)) from error


def _without_values(error: Exception) -> str:
    # str(error) would carry the statement's values, patient identity among them, into logs.
    return str(getattr(error, "orig", None) or type(error).__name__).strip()


def _sqlite_engine(url: str) -> Engine:
    file = make_url(url).database
    if not file:
        raise LedgerUnsafe("an in-memory SQLite database forgets all: name a file")
    _keep_private(Path(file))
    engine = create_engine(
        url,
        pool_size=5,
        max_overflow=15,
        hide_parameters=True,
        connect_args={"timeout": SQLITE_BUSY_SECONDS},
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    event.listen(engine, "handle_error", _give_up_faulty)
    return engine


def _keep_private(path: Path) -> None:
    """Patients are in it: nobody else of this machine reads it, however open its folder is."""
    with suppress(OSError):  # SQLite will say what is wrong
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    # Not by opening what is there: to close it would give up the locks that this process has on it.
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        with suppress(OSError):  # it is not there, or not ours
            if path.with_name(name).stat().st_mode & 0o077:
                path.with_name(name).chmod(0o600)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver opens no transaction of its own accord
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _give_up_faulty(context: ExceptionContext) -> None:
    """A connection whose file failed it once may go on failing: the next is opened anew."""
    said = str(context.original_exception)
    if any(word in said for word in _FILE_TROUBLE):
        context.is_disconnect = True


def _begin_sqlite(connection: Connection) -> None:
    # A writer that began as a reader could not wait its turn: SQLite refuses the upgrade.
    read_only = connection.get_execution_options().get(_READ_ONLY, False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


def _refuse_unsafe(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        question, safe = "PRAGMA journal_mode", "wal"
    else:
        question, safe = "SHOW fsync", "on"
    with troubles_named(), engine.connect() as connection:
        answer = connection.execute(text(question)).scalar_one()
    if answer != safe:
        raise LedgerUnsafe(f"{question} answers {answer}: a power cut could undo a commit")
