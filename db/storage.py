"""How much of the disk the node's work takes, added up as it grows: nothing is ever removed."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from db.tables import Analysis, Instance, ResultObject

_PICTURES_LOOKED_AT, _NEWEST = 20, 1000


@dataclass
class KeptSizes:
    """Bytes and files of each kind, and up to which rows they are counted.

    Rows are counted once each: `add_kept_sizes` only looks at those that are new.
    """

    received_bytes: int = 0
    received_files: int = 0
    result_bytes: int = 0
    result_files: int = 0
    pictures: int = 0  # heatmaps and annotated images: the ledger does not know their sizes
    counted_to: dict[str, int] = field(default_factory=dict)  # the last row of each table


def add_kept_sizes(session: Session, sizes: KeptSizes) -> None:
    """Count what has come since; a row committed late and out of turn may be missed."""
    number, total = _add(session, sizes, Instance)
    sizes.received_files += number
    sizes.received_bytes += total
    number, total = _add(session, sizes, ResultObject)
    sizes.result_files += number
    sizes.result_bytes += total
    sizes.pictures += _count_pictures(session, sizes)


def received_bytes_since(session: Session, since: datetime) -> int:
    asked = select(func.sum(Instance.size_bytes)).where(Instance.received_at >= since)
    return int(session.scalar(asked) or 0)


def first_received_at(session: Session) -> datetime | None:
    return session.scalar(select(func.min(Instance.received_at)))


def newest_pictures(session: Session) -> list[str]:
    """Keys in the spool of some pictures, by whose files the size of all is estimated."""
    newest = session.scalar(select(func.max(Analysis.id))) or 0
    asked = (
        select(Analysis.heatmap_key, Analysis.annotated_key)
        .where(Analysis.id > newest - _NEWEST, Analysis.heatmap_key.is_not(None))
        .order_by(Analysis.id.desc())
        .limit(_PICTURES_LOOKED_AT)
    )
    return [key for row in session.execute(asked) for key in row if key is not None]


def ledger_bytes(session: Session) -> int:
    postgres = session.get_bind().dialect.name == "postgresql"
    asked = (
        "SELECT pg_database_size(current_database())"
        if postgres
        else "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
    )
    return int(session.scalar(text(asked)) or 0)


def _add(
    session: Session, sizes: KeptSizes, table: type[Instance] | type[ResultObject]
) -> tuple[int, int]:
    name = table.__tablename__
    asked = select(func.count(), func.sum(table.size_bytes), func.max(table.id)).where(
        table.id > sizes.counted_to.get(name, 0)
    )
    number, total, last = session.execute(asked).one()
    sizes.counted_to[name] = last or sizes.counted_to.get(name, 0)
    return number, int(total or 0)


def _count_pictures(session: Session, sizes: KeptSizes) -> int:
    name = Analysis.__tablename__
    asked = select(
        func.count(Analysis.heatmap_key) + func.count(Analysis.annotated_key), func.max(Analysis.id)
    ).where(Analysis.id > sizes.counted_to.get(name, 0))
    number, last = session.execute(asked).one()
    sizes.counted_to[name] = last or sizes.counted_to.get(name, 0)
    return int(number)
