"""Connections to a PostgreSQL that may be there, and say nothing."""

import time
from typing import Any

import psycopg
from psycopg import errors
from psycopg.abc import PQGen
from sqlalchemy import Engine, event


def bound_answers(engine: Engine, answer_seconds: float) -> None:
    """No statement of the engine takes longer, with all its rows: its connection is closed then.

    A server whose disk stands still takes every question, and its own statement_timeout is kept by
    the one that does not answer. For as long again it is asked nothing: each connection that is
    given up leaves a process of the server's behind, which waits for the disk.
    """
    rests_until = 0.0

    class BoundedConnection(psycopg.Connection[Any]):  # type: ignore[misc]
        def wait(self, gen: PQGen[Any], interval: float = 0.1, timeout: float | None = None) -> Any:
            nonlocal rests_until
            try:
                return super().wait(gen, interval, timeout or answer_seconds)
            except errors._WaitTimeout as error:
                rests_until = time.monotonic() + answer_seconds
                self.pgconn.finish()  # what comes of the question nobody knows
                raise errors.OperationalError("the server does not answer") from error

    def connect(_dialect: Any, _record: Any, args: Any, parameters: dict[str, Any]) -> Any:
        if time.monotonic() < rests_until:
            raise errors.OperationalError("the server did not answer just now")
        return BoundedConnection.connect(*args, **parameters)

    event.listen(engine, "do_connect", connect)
