"""How the page words what the ledger says: times, durations, UIDs, findings."""

from datetime import datetime
from zoneinfo import ZoneInfo

_UID_CHARACTERS = 12
FINDINGS = {
    "fracture": "Fracture",
    "possible": "Possible",
    "none": "None found",
    "not_analysed": "Not analysed",
}


def shortened_uid(uid: str) -> str:
    """The end of a UID: its beginning is the scanner's and the same for most."""
    return uid if len(uid) <= _UID_CHARACTERS + 1 else "…" + uid[-_UID_CHARACTERS:]


def clock(moment: datetime, taken_at: datetime, zone: ZoneInfo) -> str:
    """The time on the hospital's clocks, with the date unless it is that of the page."""
    local, today = moment.astimezone(zone), taken_at.astimezone(zone).date()
    return local.strftime("%H:%M:%S" if local.date() == today else "%Y-%m-%d %H:%M")


def duration(seconds: float) -> str:
    """As one would say it: 8 s, 4 min, 3 h."""
    if seconds < 99.5:
        return f"{max(seconds, 0):.0f} s"
    if seconds < 99.5 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h"


def finding(state: str | None) -> str:
    return FINDINGS.get(state, state) if state else "–"
