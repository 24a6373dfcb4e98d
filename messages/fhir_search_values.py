"""The values of a FHIR search: alternatives, tokens, and dates with prefixes (R4 3.1.1.4)."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from messages.fhir_outcome import invalid

_UNESCAPED_COMMA = re.compile(r"(?<!\\),")
_ESCAPED = re.compile(r"\\([\\,|$])")
_DATE = re.compile(
    r"(?P<prefix>[a-z]{2})?(?P<year>\d{4})(-(?P<month>\d\d)(-(?P<day>\d\d)"
    r"(T(?P<hour>\d\d):(?P<minute>\d\d)(:(?P<second>\d\d)(\.(?P<fraction>\d+))?)?"
    r"(?P<zone>Z|[+-]\d\d:\d\d)?)?)?)?"
)
_STEPS = {
    # As fine as what we give: who asks for what is newer than that loses nothing of its second.
    "fraction": timedelta(milliseconds=1),
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "day": timedelta(days=1),
}


@dataclass(frozen=True)
class Token:
    """`system|value`; system None: any, empty: none."""

    system: str | None
    value: str

    def matches(self, system: str | None, value: str) -> bool:
        """Against what a resource has; an empty value asks for the system alone."""
        same_system = self.system is None or self.system == (system or "")
        return same_system and self.value in ("", value)


@dataclass(frozen=True)
class Span:
    """The moments a date search lets through; None: without end."""

    earliest: datetime | None
    before: datetime | None


def split_alternatives(text: str) -> list[str]:
    return [part for part in _UNESCAPED_COMMA.split(text) if part]


def parse_token(text: str) -> Token:
    system, bar, value = text.rpartition("|")
    return Token(system if bar else None, _ESCAPED.sub(r"\1", value))


def parse_span(text: str, zone: tzinfo) -> Span:
    """A date without a zone is the hospital's; FhirRefusal where the text is no date."""
    matched = _DATE.fullmatch(text)
    if matched is None:
        raise invalid("a date is written as in ge2026-01-31 or lt2026-01-31T08:00:00Z")
    try:
        begin, end = _covered(matched, zone)
    except (ValueError, OverflowError) as error:
        raise invalid("there is no such date") from error
    spans = {
        "eq": Span(begin, end),
        "ge": Span(begin, None),
        "gt": Span(end, None),
        "sa": Span(end, None),
        "le": Span(None, end),
        "lt": Span(None, begin),
        "eb": Span(None, begin),
    }
    prefix = matched["prefix"] or "eq"
    if prefix not in spans:
        raise invalid(f"dates can be searched with the prefixes {', '.join(spans)}")
    return spans[prefix]


def digits_of(moment: datetime | None, zone: tzinfo) -> str | None:
    """As DICOM writes it, to be compared as text: YYYYMMDD, with HHMMSS where not midnight."""
    if moment is None:
        return None
    digits = re.sub(r"\D", "", moment.astimezone(zone).isoformat()[:19])
    return digits.removesuffix("000000")


def _covered(matched: re.Match[str], zone: tzinfo) -> tuple[datetime, datetime]:
    """From the first moment that the date covers to the first that it does not."""
    parts = {name: int(matched[name] or 0) for name in ("hour", "minute", "second")}
    parts["microsecond"] = 1000 * int((matched["fraction"] or "")[:3].ljust(3, "0"))
    month, day = int(matched["month"] or 1), int(matched["day"] or 1)
    begin = datetime(int(matched["year"]), month, day, **parts, tzinfo=_zone(matched, zone))
    finest = next((name for name in _STEPS if matched[name]), None)
    if finest is not None:
        return begin, begin + _STEPS[finest]
    if matched["month"]:
        return begin, (begin + timedelta(days=31)).replace(day=1)
    return begin, begin.replace(year=begin.year + 1)


def _zone(matched: re.Match[str], zone: tzinfo) -> tzinfo:
    stated = matched["zone"]
    return zone if stated is None else datetime.strptime(stated, "%z").tzinfo or zone
