"""What every table is declared with: names of constraints, types of columns, kinds of index."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Dialect, Double, Enum, Index, MetaData, Text, text
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator

from db.clock import UtcDateTime


class HeaderText(TypeDecorator[str]):
    """Text from a DICOM header: what no database can hold is dropped, no image refused for it."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, _dialect: Dialect) -> str | None:
        return None if value is None else storable(value)


def storable(text: str) -> str:
    """Text as a database can hold it."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own hook
        str: Text,
        datetime: UtcDateTime,
        float: Double,
        list[dict[str, Any]]: JSON,
        list[str]: JSON,
        dict[str, Any]: JSON,
    }


def words(states: type[StrEnum], name: str) -> Enum:
    return Enum(
        states,
        name=name,
        native_enum=False,
        create_constraint=True,
        length=16,
        values_callable=lambda words: [word.value for word in words],
    )


def partial_index(name: str, *columns: Any, where: str, unique: bool = False) -> Index:
    """An index of some rows alone, on either database."""
    condition = text(where)
    return Index(name, *columns, unique=unique, sqlite_where=condition, postgresql_where=condition)
