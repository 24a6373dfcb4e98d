"""The page's drawings: where their lines lie, for a template to write as SVG."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from db.throughput import HourCount, StageTime
from web.words import duration

WIDTH, HEIGHT = 460, 210
_LEFT, _TOP, _RIGHT, _BOTTOM = 40, 12, 456, 184  # of the plot, in the drawing's units
_ROW, _NAMES, _VALUES = 30, 150, 430  # of the stages: their height, where bars begin and end
_MOST_SINGLE_HOURS, _HOURS_OF_A_WEEK_TOGETHER = 48, 4
_SHORTEST_SECONDS = 0.1
_TICKS_SECONDS = (0.1, 1, 10, 60, 600, 3600, 36000, 86400, 864000)


@dataclass(frozen=True)
class Tick:
    """A mark at a place of an axis, and what is written there."""

    place: float
    label: str


@dataclass(frozen=True)
class Column:
    """A column from the bottom; `look` is its class in the style sheet."""

    x: float
    y: float
    width: float
    height: float
    look: str


@dataclass(frozen=True)
class HoursChart:
    """Columns of images and studies for each hour."""

    columns: list[Column]
    across: list[Tick]
    down: list[Tick]
    bottom: float = _BOTTOM
    left: float = _LEFT
    right: float = _RIGHT


@dataclass(frozen=True)
class StageRow:
    """A stage's two bars, from where all begin."""

    stage: StageTime
    y: float
    p50_width: float
    p95_width: float


@dataclass(frozen=True)
class StagesChart:
    """Median and 95th percentile of each stage, on a scale on which each step is a multiple."""

    rows: list[StageRow]
    ticks: list[Tick]
    height: float
    left: float = _NAMES


def hours_chart(hours: Sequence[HourCount], zone: ZoneInfo) -> HoursChart:
    """Of a week, the means of every four hours: single ones would be too thin to see."""
    together = _HOURS_OF_A_WEEK_TOGETHER if len(hours) > _MOST_SINGLE_HOURS else 1
    bins = [hours[begin : begin + together] for begin in range(0, len(hours), together)]
    images = [sum(hour.images for hour in one) / len(one) for one in bins]
    studies = [sum(hour.studies for hour in one) / len(one) for one in bins]
    most = _round_up(max([*images, *studies, 1]))
    step = (_RIGHT - _LEFT) / max(len(bins), 1)
    columns = []
    for number in range(len(bins)):
        x = _LEFT + number * step
        columns.append(_column(x + 0.08 * step, 0.42 * step, images[number] / most, ""))
        columns.append(_column(x + 0.5 * step, 0.42 * step, studies[number] / most, " second"))
    down = [Tick(_height(share), f"{most * share:g}") for share in (0, 0.5, 1)]
    return HoursChart(columns, _hour_ticks(hours, zone, step / together), down)


def stages_chart(stages: Sequence[StageTime]) -> StagesChart:
    measured = [one for one in stages if one.measured]
    longest = max((one.p95_seconds or 0 for one in measured), default=1)
    end = next((tick for tick in _TICKS_SECONDS if tick >= longest), _TICKS_SECONDS[-1])
    end = max(end, 1)
    rows = [
        StageRow(one, 8 + number * _ROW, _along(one.p50_seconds, end), _along(one.p95_seconds, end))
        for number, one in enumerate(stages)
    ]
    ticks = [
        Tick(_NAMES + _along(tick, end), duration(tick) if tick >= 1 else f"{tick:g} s")
        for tick in _TICKS_SECONDS
        if tick <= end
    ]
    return StagesChart(rows, ticks, 8 + len(stages) * _ROW)


def _column(x: float, width: float, share: float, look: str) -> Column:
    y = _height(share)
    return Column(round(x, 1), y, round(width, 1), round(_BOTTOM - y, 1), f"column{look}")


def _height(share: float) -> float:
    return round(_BOTTOM - share * (_BOTTOM - _TOP), 1)


def _hour_ticks(hours: Sequence[HourCount], zone: ZoneInfo, step: float) -> list[Tick]:
    """Every sixth hour of a day, every midnight of a week, on the hospital's clocks."""
    many = len(hours) > _MOST_SINGLE_HOURS
    ticks = []
    for number, hour in enumerate(hours):
        local = hour.begins_at.astimezone(zone)
        if local.hour % (24 if many else 6) == 0:
            ticks.append(Tick(round(_LEFT + number * step, 1), _hour_label(local, many)))
    return ticks


def _hour_label(local: datetime, many: bool) -> str:
    return local.strftime("%d %b" if many else "%H:%M")


def _along(seconds: float | None, end: float) -> float:
    if seconds is None:
        return 0.0
    span = math.log10(end) - math.log10(_SHORTEST_SECONDS)
    share = (math.log10(max(seconds, _SHORTEST_SECONDS)) - math.log10(_SHORTEST_SECONDS)) / span
    return round(min(share, 1.0) * (_VALUES - _NAMES), 1)


def _round_up(value: float) -> int:
    """To the next of 2, 4, 10, 20, 40, 100 …, so that half of it is a whole number too."""
    power = 1
    while True:
        for step in (2, 4, 10):
            if value <= step * power:
                return step * power
        power *= 10
