"""Time in the ledger: UTC, and read from the database's clock where processes must agree."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Dialect, String, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.elements import SQLColumnExpression
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC; on SQLite ISO 8601 text of fixed width, so that it sorts as time does."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(24))
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("the ledger takes times with their time zone only")
        moment = value.astimezone(UTC)
        if dialect.name == "sqlite":
            return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return moment

    def process_result_value(self, value: Any, _dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        return moment.astimezone(UTC)


class database_now(FunctionElement[datetime]):
    """The database's clock, offset_seconds from now: SQL, evaluated when the statement runs."""

    type = UtcDateTime()
    inherit_cache = True

    def __init__(self, offset_seconds: float = 0) -> None:
        super().__init__(literal(float(offset_seconds)))


class later(FunctionElement[datetime]):
    """A moment of the ledger moved on by so many seconds: SQL."""

    type = UtcDateTime()
    inherit_cache = True

    def __init__(self, moment: SQLColumnExpression[Any], seconds: float) -> None:
        super().__init__(moment, literal(float(seconds)))


@compiles(later, "sqlite")
def _sqlite_later(element: later, compiler: Any, **kw: Any) -> str:
    moment, seconds = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"strftime('%Y-%m-%dT%H:%M:%fZ', {moment}, printf('%.3f seconds', {seconds}))"


@compiles(later, "postgresql")
def _postgresql_later(element: later, compiler: Any, **kw: Any) -> str:
    moment, seconds = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"({moment} + make_interval(secs => {seconds}))"


@compiles(database_now, "sqlite")
def _sqlite_now(element: database_now, compiler: Any, **kw: Any) -> str:
    offset = compiler.process(element.clauses, **kw)
    return f"strftime('%Y-%m-%dT%H:%M:%fZ', 'now', printf('%.3f seconds', {offset}))"


@compiles(database_now, "postgresql")
def _postgresql_now(element: database_now, compiler: Any, **kw: Any) -> str:
    # now() would be the transaction's start: too early for one that waited for a lock.
    offset = compiler.process(element.clauses, **kw)
    return f"(clock_timestamp() + make_interval(secs => {offset}))"
