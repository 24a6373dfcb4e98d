"""How the pages word what the ledger says: names, times, durations, UIDs, findings, states."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

from db.states import Role


def N_(text: str) -> str:
    return text


# Address, name, the key after `g`, and who may see it.
PAGES = (
    ("/worklist", N_("Worklist"), "w", Role.VIEWER),
    ("/try", N_("Try"), "t", Role.READER),
    ("/results", N_("Query"), "q", Role.VIEWER),
    ("/model", N_("Model"), "m", Role.VIEWER),
    ("/operations", N_("Operations"), "o", Role.ADMINISTRATOR),
)
FINDINGS = {
    "fracture": N_("Fracture"),
    "possible": N_("Possible"),
    "none": N_("None found"),
    "not_analysed": N_("Not analysed"),
}
STATES = {
    "receiving": N_("receiving"),
    "analysing": N_("analysing"),
    "reporting": N_("reporting"),
    "reported": N_("reported"),
    "delivered": N_("delivered"),
    "committed": N_("committed"),
    "blocked": N_("blocked"),
    "failed": N_("failed"),
    "no_images": N_("no images"),
}
ROLES = {
    "viewer": N_("viewer"),
    "reader": N_("reader"),
    "administrator": N_("administrator"),
}
_UID_CHARACTERS = 12


def shortened_uid(uid: str) -> str:
    """The end of a UID: its beginning is the scanner's and the same for most."""
    return uid if len(uid) <= _UID_CHARACTERS + 1 else "…" + uid[-_UID_CHARACTERS:]


def clock(moment: datetime, taken_at: datetime, zone: ZoneInfo) -> str:
    """The time on the hospital's clocks, with the date unless it is that of the page."""
    local, today = moment.astimezone(zone), taken_at.astimezone(zone).date()
    return local.strftime("%H:%M:%S" if local.date() == today else "%Y-%m-%d %H:%M")


def duration(seconds: float) -> str:
    """As one would say it: 8 s, 4 min, 3 h, 5 d."""
    if seconds < 99.5:
        return f"{max(seconds, 0):.0f} s"
    if seconds < 99.5 * 60:
        return f"{seconds / 60:.0f} min"
    if seconds < 99.5 * 3600:
        return f"{seconds / 3600:.0f} h"
    return f"{seconds / 86400:.0f} d"


def finding(state: str) -> str:
    return FINDINGS.get(state, state)


def state(word: str) -> str:
    return STATES.get(word, word)


def role(word: str) -> str:
    return ROLES.get(word, word)


def person_name(written: str) -> str:
    """A PN as people read it (PS3.5 6.2): family name first, every group of characters once."""
    groups = [_one_group(group) for group in written.split("=")]
    return " · ".join(dict.fromkeys(group for group in groups if group))


def _one_group(group: str) -> str:
    parts = [part.strip() for part in group.split("^")]
    family, given, middle, prefix, suffix = [*parts, "", "", "", "", ""][:5]
    first = " ".join(part for part in (prefix, given, middle) if part)
    name = ", ".join(part for part in (family, first) if part)
    return f"{name} {suffix}".strip()


def written_date(date: str) -> str:
    """A DA as ISO 8601 writes it; what is none is shown as it came."""
    return f"{date[:4]}-{date[4:6]}-{date[6:]}" if re.fullmatch(r"\d{8}", date) else date
