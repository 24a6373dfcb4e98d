"""How much of the disk the node's work takes, as its rows tell."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, text
from sqlalchemy.orm import InstrumentedAttribute, Session

from db.tables import Analysis, Instance, ResultObject

_PICTURES_LOOKED_AT, _NEWEST = 20, 1000
_PICTURES = (Analysis.heatmap_key, Analysis.annotated_key)


@dataclass(frozen=True)
class KeptSizes:
    """Bytes and files of each kind that rows promise; a file of several rows counts for each."""

    received_bytes: int = 0
    received_files: int = 0
    result_bytes: int = 0
    result_files: int = 0
    pictures: int = 0  # heatmaps and annotated images: the ledger does not know their sizes

    @property
    def size_bytes(self) -> int:
        """Of what the ledger knows the sizes of."""
        return self.received_bytes + self.result_bytes


def kept_sizes(session: Session) -> KeptSizes:
    """Added up from the indexes of what is kept: what was purged is not in them."""
    received = _count(session, Instance)
    results = _count(session, ResultObject)
    pictures = (_count_pictures(session, column) for column in _PICTURES)
    return KeptSizes(
        received_bytes=received[1],
        received_files=received[0],
        result_bytes=results[1],
        result_files=results[0],
        pictures=sum(pictures),
    )


def received_bytes_since(session: Session, since: datetime) -> int:
    asked = select(func.sum(Instance.size_bytes)).where(Instance.received_at >= since)
    return int(session.scalar(asked) or 0)


def first_received_at(session: Session) -> datetime | None:
    return session.scalar(select(func.min(Instance.received_at)))


def oldest_kept_at(session: Session) -> datetime | None:
    """When the oldest received file that is still here came."""
    return session.scalar(
        select(func.min(Instance.received_at)).where(Instance.purged_at.is_(None))
    )


def last_purged_at(session: Session) -> datetime | None:
    gone = Instance.purged_at.is_not(None)
    return session.scalar(select(func.max(Instance.purged_at)).where(gone))


def purged_since(session: Session, since: datetime) -> tuple[int, int]:
    """How many received files have gone since then, and their bytes."""
    asked = select(func.count(), func.sum(Instance.size_bytes)).where(Instance.purged_at >= since)
    files, size_bytes = session.execute(asked).one()
    return files, int(size_bytes or 0)


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


def _count(session: Session, table: type[Instance] | type[ResultObject]) -> tuple[int, int]:
    asked = select(func.count(), func.sum(table.size_bytes)).where(table.purged_at.is_(None))
    number, total = session.execute(asked).one()
    return number, int(total or 0)


def _count_pictures(session: Session, column: InstrumentedAttribute[str | None]) -> int:
    return session.scalar(select(func.count()).where(column.is_not(None))) or 0
