"""Days and moments as people write them, as moments of the ledger's."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_LONGEST = 40
# A day's zone cannot lead out of the years that there are.
_FIRST, _LAST = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)


class BadMoment(ValueError):
    """Neither a day nor a moment; the message says what is expected."""


def first_moment(asked: str | date, zone: ZoneInfo) -> datetime:
    """When the day begins on the hospital's clocks, or the very moment; raises BadMoment."""
    return _moment(asked, zone, days=0)


def moment_after(asked: str | date, zone: ZoneInfo) -> datetime:
    """When the day is over, or the very moment; raises BadMoment."""
    return _moment(asked, zone, days=1)


def day_or_moment(written: str) -> date:
    """A day, or a moment; raises BadMoment."""
    try:
        if len(written) > _LONGEST:
            raise ValueError
        if len(written) == len("2026-07-01"):
            return date.fromisoformat(written)
        return datetime.fromisoformat(written)
    except ValueError as error:
        raise BadMoment("write a day as 2026-07-01, or a moment as 2026-07-01T13:30:00Z") from error


def _moment(asked: str | date, zone: ZoneInfo, *, days: int) -> datetime:
    when = day_or_moment(asked) if isinstance(asked, str) else asked
    if isinstance(when, datetime):
        moment = when if when.tzinfo else when.replace(tzinfo=zone)
    else:
        moment = datetime.combine(when, time(), zone)
    if not _FIRST.year < moment.year < _LAST.year:
        return _FIRST if moment.year <= _FIRST.year else _LAST
    return (moment if isinstance(when, datetime) else moment + timedelta(days=days)).astimezone(UTC)
