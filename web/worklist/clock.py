"""A study's clock: how long after it was received each stage was reached."""

from dataclasses import dataclass
from datetime import datetime

from db.worklist import WorklistRow
from web.words import N_


@dataclass(frozen=True)
class Stage:
    """A stage and the seconds from receipt to it; None: not reached yet."""

    name: str
    seconds: float | None


def clock_of(row: WorklistRow) -> list[Stage]:
    """received → analysed → reported → delivered, each counted from receipt."""
    reached: tuple[tuple[str, datetime | None], ...] = (
        (N_("analysed"), row.analysed_at if not row.images_pending else None),
        (N_("reported"), row.reported_at),
        (N_("delivered"), row.delivered_at),
    )
    return [Stage(name, _seconds(row.received_at, moment)) for name, moment in reached]


def _seconds(start: datetime, end: datetime | None) -> float | None:
    return None if end is None else (end - start).total_seconds()
