"""What reconciling is about: the period asked for, and the account of what is missing in it."""

import re
from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from db.reconciliation import MISSING, Outcome, Reconciled
from dicom_node.query_retrieve.study_fetch import FetchedStudy

_DURATION = re.compile(r"(\d{1,6})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_WORDS = {
    Outcome.DELIVERED: "delivered",
    Outcome.WAITING: "in work",
    Outcome.FAILED: "failed",
    Outcome.INCOMPLETE: "incomplete",
    Outcome.UNKNOWN: "never arrived",
}
_CLEAR = (Outcome.DELIVERED, Outcome.WAITING)


@dataclass(frozen=True)
class Period:
    """From one moment to another in the hospital's time; what waits longer than that is overdue.

    Without an end it takes in what is dated ahead of our clock too: a modality's may be fast.
    """

    since: datetime
    until: datetime
    overdue_before: datetime

    @classmethod
    def of(cls, time_zone: str, since: str, until: str | None, patience: str) -> "Period":
        """As a user writes it; ValueError with a sentence."""
        now = datetime.now(ZoneInfo(time_zone))
        first = _moment(since, now, time.min)
        tomorrow = datetime.combine(now + timedelta(days=1), time.max)
        last = _moment(until, now, time.max) if until else tomorrow
        if first > last:
            raise ValueError("--since is later than --until")
        return cls(first, last, now - _duration(patience))


@dataclass
class Account:
    """Every study of the PACS with its outcome; what was fetched, and what the PACS said to it."""

    studies: dict[str, Reconciled] = field(default_factory=dict)
    unreadable_matches: int = 0
    stored: dict[str, int] = field(default_factory=dict)
    remarks: dict[str, str] = field(default_factory=dict)

    @property
    def missing(self) -> list[str]:
        """The studies of which images never arrived."""
        return [uid for uid, study in self.studies.items() if study.outcome in MISSING]

    @property
    def is_clear(self) -> bool:
        """Whether nothing is missing, failed, overdue or could not be read."""
        return not self.unreadable_matches and all(
            study.outcome in _CLEAR and not study.is_overdue for study in self.studies.values()
        )

    def note_fetched(self, fetched: FetchedStudy) -> None:
        uid = fetched.study_instance_uid
        self.stored[uid] = fetched.stored
        if fetched.reason is not None:
            self.remarks[uid] = fetched.reason

    def rows(self) -> list[dict[str, Any]]:
        """One document per study, with no more of the patient than UIDs."""
        return [
            {
                **asdict(study),
                "reason": self.remarks.get(uid) or study.reason,
                "fetched": self.stored.get(uid),
            }
            for uid, study in self.studies.items()
        ]

    def sentence(self, peer: str) -> str:
        counts = Counter(study.outcome for study in self.studies.values())
        total = len(self.studies)
        parts = [f"{total} {'study' if total == 1 else 'studies'} in {peer}"]
        parts += [f"{counts[one]} {_WORDS[one]}" for one in Outcome if counts[one]]
        if overdue := sum(study.is_overdue for study in self.studies.values()):
            parts.append(f"{overdue} of these overdue")
        if self.unreadable_matches:
            parts.append(f"{self.unreadable_matches} answers that cannot be read")
        return ", ".join(parts)


def _moment(text: str, now: datetime, clock_of_day: time) -> datetime:
    """A moment in local time without zone, as a PACS writes its dates; a bare date is one end."""
    if _DURATION.fullmatch(text):
        return (now - _duration(text)).replace(tzinfo=None)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is neither a date, 2026-01-31, nor a duration, 7d") from None
    if moment.tzinfo is not None:
        return moment.astimezone(now.tzinfo).replace(tzinfo=None)
    is_bare = "T" not in text and ":" not in text
    return datetime.combine(moment, clock_of_day) if is_bare else moment


def _duration(text: str) -> timedelta:
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no duration such as 30m, 36h, 7d or 4w")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})
