"""How full the disk is, with what, and when it will be full if it goes on like this."""

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from db.session import reading
from db.storage import (
    KeptSizes,
    first_received_at,
    kept_sizes,
    ledger_bytes,
    newest_pictures,
    received_bytes_since,
)
from dicom_node.spool import FileSpool, SpoolError
from web.plan import WebPlan

_LOOKS_BACK = timedelta(days=7)
_DAY_SECONDS = 86400.0


@dataclass(frozen=True)
class Kept:
    """So many bytes of a kind, in so many files; `is_estimated` from a few of them."""

    kind: str  # received, results, pictures or ledger
    size_bytes: int
    files: int | None = None
    is_estimated: bool = False


@dataclass(frozen=True)
class Disk:
    """The file system of the data folder; `days_left` None: nothing grows, or nothing is known."""

    total_bytes: int
    free_bytes: int
    reserve_bytes: int
    kept: list[Kept]
    daily_bytes: int
    days_left: float | None

    @property
    def used_bytes(self) -> int:
        return self.total_bytes - self.free_bytes

    @property
    def is_at_its_reserve(self) -> bool:
        return self.free_bytes < self.reserve_bytes


def read_disk(ledger: Engine, spool: FileSpool, plan: WebPlan) -> Disk:
    """OSError where the data folder is away."""
    usage = shutil.disk_usage(plan.data_dir)
    with reading(ledger) as session:
        sizes = kept_sizes(session)
        now = datetime.now(UTC)
        recent = received_bytes_since(session, now - _LOOKS_BACK)
        first = first_received_at(session)
        pictures, ledger_size = newest_pictures(session), ledger_bytes(session)
    picture_bytes = _mean_size(spool, pictures) * sizes.pictures
    kept = [
        Kept("received", sizes.received_bytes, sizes.received_files),
        Kept("results", sizes.result_bytes, sizes.result_files),
        Kept("pictures", picture_bytes, sizes.pictures, is_estimated=True),
        Kept("ledger", ledger_size),
    ]
    daily = _daily_growth(recent, first, now) * _with_all_else(sizes, kept)
    room = usage.free - plan.disk_reserve_bytes
    days_left = max(room, 0) / daily if daily >= 1 else None
    return Disk(usage.total, usage.free, plan.disk_reserve_bytes, kept, round(daily), days_left)


def _daily_growth(recent_bytes: int, first: datetime | None, now: datetime) -> float:
    """Of what was received in the last week, or since the first object if that is less."""
    if first is None:
        return 0.0
    seconds = min((now - first).total_seconds(), _LOOKS_BACK.total_seconds())
    return recent_bytes * _DAY_SECONDS / max(seconds, _DAY_SECONDS)


def _with_all_else(sizes: KeptSizes, kept: list[Kept]) -> float:
    """What a byte that is received brings along: results, pictures and rows."""
    if not sizes.received_bytes:
        return 1.0
    return sum(one.size_bytes for one in kept) / sizes.received_bytes


def _mean_size(spool: FileSpool, keys: list[str]) -> int:
    found = [size for key in keys if (size := _size_of(spool, key)) is not None]
    return sum(found) // len(found) if found else 0


def _size_of(spool: FileSpool, key: str) -> int | None:
    try:
        with spool.open(key) as stream:
            return stream.seek(0, 2)
    except SpoolError:
        return None
