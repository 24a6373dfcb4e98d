"""Connections to a PostgreSQL that may be there, and say nothing."""

from typing import Any

import psycopg
from psycopg import errors
from psycopg.abc import PQGen
from sqlalchemy import Engine, event


def bound_answers(engine: Engine, answer_seconds: float) -> None:
    """No connection of the engine waits longer for an answer: it is closed then.

    A server whose disk stands still takes every question, and its own statement_timeout is kept by
    the one that does not answer.
    """

    class BoundedConnection(psycopg.Connection[Any]):  # type: ignore[misc]
        def wait(self, gen: PQGen[Any], interval: float = 0.1, timeout: float | None = None) -> Any:
            try:
                return super().wait(gen, interval, timeout or answer_seconds)
            except errors._WaitTimeout as error:
                self.pgconn.finish()  # what comes of the question nobody knows
                raise errors.OperationalError("the server does not answer") from error

    def connect(_dialect: Any, _record: Any, args: Any, parameters: dict[str, Any]) -> Any:
        return BoundedConnection.connect(*args, **parameters)

    event.listen(engine, "do_connect", connect)
