"""How much the node does and how long it takes: of the last hours or days, whatever the ledger has.

The studies and images of its self-test count nowhere here.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, String, func, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.functions import FunctionElement

from db.self_test import self_test_instances, self_test_studies
from db.states import JobKind
from db.tables import Analysis, Job, WorklistEntry

# Of more than these the newest count: a percentile of so many hardly moves any more.
MOST_MEASURED = 2000
MOST_WAITS = 500
_HOUR = "%Y-%m-%dT%H"
STAGES = (
    ("analysed", "received_at", "analysed_at"),
    ("reported", "analysed_at", "reported_at"),
    ("delivered", "reported_at", "delivered_at"),
    ("committed", "delivered_at", "committed_at"),
    ("total", "received_at", "delivered_at"),
)
_MOMENTS = ("received_at", "analysed_at", "reported_at", "delivered_at", "committed_at")


@dataclass(frozen=True)
class StageTime:
    """How long a stage took: of so many the median and the 95th percentile, in seconds."""

    stage: str  # queued, or what was reached: analysed, reported, delivered, committed, total
    measured: int
    p50_seconds: float | None  # None: nothing was measured
    p95_seconds: float | None


@dataclass(frozen=True)
class HourCount:
    """What came and what was answered within the hour that begins then."""

    begins_at: datetime
    studies: int
    images: int


def stage_times(session: Session, since: datetime) -> list[StageTime]:
    """Of studies received since then, of the newest 2,000 at most; and how long images waited."""
    columns = [getattr(WorklistEntry, name) for name in _MOMENTS]
    asked = (
        select(*columns)
        .where(WorklistEntry.received_at >= since)
        .where(WorklistEntry.study_id.not_in(self_test_studies()))
        .order_by(WorklistEntry.received_at.desc())
        .limit(MOST_MEASURED)
    )
    studies = [dict(row) for row in session.execute(asked).mappings()]
    timed = [_stage_time(name, _spans(studies, start, end)) for name, start, end in STAGES]
    return [_stage_time("queued", _queue_waits(session, since)), *timed]


def hourly_counts(session: Session, since: datetime, until: datetime) -> list[HourCount]:
    """Studies received and images answered in each hour, those without any included."""
    studies = _by_hour(
        session,
        WorklistEntry.received_at,
        WorklistEntry.received_at >= since,
        WorklistEntry.study_id.not_in(self_test_studies()),
    )
    images = _by_hour(
        session,
        Analysis.analysed_at,
        Analysis.analysed_at >= since,
        Analysis.instance_id.not_in(self_test_instances()),
    )
    return [
        HourCount(hour, studies.get(hour.strftime(_HOUR), 0), images.get(hour.strftime(_HOUR), 0))
        for hour in _hours(since, until)
    ]


def percentile(ordered: Sequence[float], share: float) -> float:
    """Of values in order, interpolated linearly between the two that are nearest."""
    place = (len(ordered) - 1) * share
    low, high = math.floor(place), math.ceil(place)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


class _hour_of(FunctionElement[str]):
    """The hour in UTC of a moment, as text."""

    type = String()
    inherit_cache = True


@compiles(_hour_of, "sqlite")
def _sqlite_hour(element: _hour_of, compiler: Any, **kw: Any) -> str:
    return f"substr({compiler.process(element.clauses, **kw)}, 1, 13)"


@compiles(_hour_of, "postgresql")
def _postgresql_hour(element: _hour_of, compiler: Any, **kw: Any) -> str:
    moment = compiler.process(element.clauses, **kw)
    return f"to_char({moment} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24')"


def _by_hour(
    session: Session, moment: ColumnElement[datetime] | Any, *conditions: ColumnElement[bool]
) -> dict[str, int]:
    hour = _hour_of(moment).label("hour")
    asked = select(hour, func.count()).where(*conditions).group_by(hour)
    return dict(session.execute(asked).all())


def _hours(since: datetime, until: datetime) -> Iterable[datetime]:
    hour = since.replace(minute=0, second=0, microsecond=0)
    while hour <= until:
        yield hour
        hour += timedelta(hours=1)


def _queue_waits(session: Session, since: datetime) -> list[float]:
    """By the answers, whose times have an index: the jobs' have none."""
    newest = (
        select(Analysis.instance_id)
        .where(Analysis.analysed_at >= since)
        .where(Analysis.instance_id.not_in(self_test_instances()))
        .order_by(Analysis.analysed_at.desc())
        .limit(MOST_WAITS)
    )
    # Asked in one statement, or for many more, the databases would go through all jobs.
    asked = select(Job.created_at, Job.first_claimed_at).where(
        Job.kind == JobKind.ANALYSE, Job.subject_id.in_(list(session.scalars(newest)))
    )
    waits = [dict(row) for row in session.execute(asked).mappings()]
    return _spans(waits, "created_at", "first_claimed_at")


def _spans(rows: Iterable[dict[str, datetime | None]], start: str, end: str) -> list[float]:
    """Seconds from one moment to the other, of rows that have both in this order."""
    spans = []
    for row in rows:
        begun, ended = row[start], row[end]
        if begun is not None and ended is not None and ended >= begun:
            spans.append((ended - begun).total_seconds())
    return spans


def _stage_time(stage: str, spans: list[float]) -> StageTime:
    if not spans:
        return StageTime(stage, 0, None, None)
    ordered = sorted(spans)
    return StageTime(stage, len(ordered), percentile(ordered, 0.5), percentile(ordered, 0.95))
