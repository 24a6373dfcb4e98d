"""The node's database as anyone sees it who has its URL: SQL of the witness's own, no ORM."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg.rows import dict_row

Row = dict[str, Any]
_BUSY_SECONDS = 30
UNAVAILABLE = (psycopg.OperationalError, sqlite3.OperationalError)


class Ledger:
    """One connection; `snapshot` reads everything as of one moment."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.is_sqlite = parts.scheme.startswith("sqlite")
        self._connection: Any
        if self.is_sqlite:
            self._connection = sqlite3.connect(
                parts.path.removeprefix("/"), timeout=_BUSY_SECONDS, isolation_level=None
            )
            self._connection.row_factory = sqlite3.Row
        else:
            plain = urlunsplit(parts._replace(scheme="postgresql"))
            self._connection = psycopg.connect(plain, autocommit=True, row_factory=dict_row)

    def rows(self, sql: str) -> list[Row]:
        return [dict(row) for row in self._connection.execute(sql)]

    def values(self, sql: str) -> list[Any]:
        """The first column."""
        return [next(iter(row.values())) for row in self.rows(sql)]

    def run(self, *statements: str) -> None:
        for statement in statements:
            self._connection.execute(statement)

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        begin = "BEGIN" if self.is_sqlite else "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
        self.run(begin)
        try:
            yield
        finally:
            self.run("ROLLBACK")

    def close(self) -> None:
        self._connection.close()


@contextmanager
def open_for_witness(url: str) -> Iterator[Ledger]:
    ledger = Ledger(url)
    try:
        yield ledger
    finally:
        ledger.close()
