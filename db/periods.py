"""Days and moments as people write them, as moments of the ledger's."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_LONGEST = 40


class BadMoment(ValueError):
    """Neither a day nor a moment; the message says what is expected."""


def first_moment(written: str, zone: ZoneInfo) -> datetime:
    """When the day begins on the hospital's clocks, or the very moment; raises BadMoment."""
    return _moment(written, zone, days=0)


def moment_after(written: str, zone: ZoneInfo) -> datetime:
    """When the day is over, or the very moment; raises BadMoment."""
    return _moment(written, zone, days=1)


def _moment(written: str, zone: ZoneInfo, *, days: int) -> datetime:
    try:
        if len(written) > _LONGEST:
            raise ValueError
        if len(written) == len("2026-07-01"):
            day = date.fromisoformat(written) + timedelta(days=days)
            return datetime.combine(day, time(), zone).astimezone(UTC)
        moment = datetime.fromisoformat(written)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise BadMoment("write a day as 2026-07-01, or a moment as 2026-07-01T13:30:00Z") from error
