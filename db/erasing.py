"""After rows were removed: their bytes leave the database's files too."""

import time

from sqlalchemy import Connection, Engine, text

from db.session import LedgerUnavailable, troubles_named

# The tables that hold what names a patient, and the statistics a planner draws from them.
_NAMING_TABLES = (
    *("study", "series", "instance", "worklist", "verdict", "legal_hold"),
    *("job", "job_attempt", "peer_request"),
)
_CHECKPOINT_SECONDS = 60.0


def erase_remains(engine: Engine) -> None:
    """Rewrite what the rows lay in; everybody else waits meanwhile, on SQLite for writing.

    A database only marks what is deleted as free. LedgerUnavailable: others kept it busy, so that
    the bytes may still be there; ask again.
    """
    connected = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    with troubles_named(), connected as connection:
        if engine.dialect.name == "sqlite":
            _rewrite_sqlite(connection)
        else:
            _rewrite_postgresql(connection)


def _rewrite_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("COMMIT")  # every connection of ours begins a transaction
    connection.exec_driver_sql("VACUUM")
    give_up_at = time.monotonic() + _CHECKPOINT_SECONDS
    while True:
        # The log holds the old pages until it is emptied, which waits for whoever reads them.
        [is_busy, *_] = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
        if not is_busy:
            return
        if time.monotonic() > give_up_at:
            raise LedgerUnavailable("somebody reads on in the old pages of the database")
        time.sleep(0.2)


def _rewrite_postgresql(connection: Connection) -> None:
    connection.execute(text("SET statement_timeout = 0"))
    try:
        for table in _NAMING_TABLES:
            connection.execute(text(f"VACUUM (FULL, ANALYZE) {table}"))
        # The old statistics quote values, names among them: the database's owner may rewrite them.
        connection.execute(text("VACUUM FULL pg_statistic"))
    finally:
        connection.execute(text("RESET statement_timeout"))
