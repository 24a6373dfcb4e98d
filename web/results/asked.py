"""From the page's address to what is asked of the ledger, and back."""

from dataclasses import dataclass, replace
from typing import Any, Self
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from starlette.datastructures import QueryParams

from db.periods import BadMoment, first_moment, moment_after
from db.result_query import RESULT_STATES, ResultCursor, ResultQuery
from db.worklist import BadCursor
from web.words import FINDINGS, N_, STATES

# In the words of people; the order is that of the ledger's own list.
STATE_WORDS = {
    state: {
        **FINDINGS,
        **STATES,
        "waiting": N_("waiting"),
        "quarantined": N_("kept apart"),
    }[state]
    for state in RESULT_STATES
}
_NO_DAY = N_("Write a day as 2026-07-01.")
_CUT = N_("This page's address was cut short or changed.")
_LONGEST = 64
_NARROWING = ("from", "to", "region", "state", "source", "study")


@dataclass(frozen=True)
class Asked:
    """The page's address, read; `wrong` says by field what cannot be understood."""

    said: dict[str, str]
    query: ResultQuery
    wrong: dict[str, str]

    @classmethod
    def read(cls, address: QueryParams, zone: ZoneInfo) -> Self:
        said = {name: address.get(name, "").strip()[:_LONGEST] for name in _NARROWING}
        said["state"] = said["state"] if said["state"] in RESULT_STATES else ""
        said["order"] = "newest" if address.get("order") == "newest" else ""
        wrong: dict[str, str] = {}
        query = ResultQuery(
            region=_text(said["region"]),
            state=said["state"],
            source_ae_title=_text(said["source"]),
            study_instance_uid=_text(said["study"]),
            newest_first=said["order"] == "newest",
        )
        within: dict[str, Any] = {**_places(address, wrong), **_days(said, zone, wrong)}
        return cls(said, replace(query, **within), wrong)

    @property
    def is_narrowed(self) -> bool:
        return any(self.said[name] for name in _NARROWING)

    @property
    def narrowed_by(self) -> str:
        """For the audit trail: by what, and never by which value."""
        return ", ".join(name for name in _NARROWING if self.said[name])

    def address(self, path: str = "/results", **changes: Any) -> str:
        """The page's address with these changes; a change of what is asked begins at the top."""
        said = {name: str(value) for name, value in (self.said | changes).items() if value}
        return path + (f"?{urlencode(said)}" if said else "")


def _text(written: str) -> str:
    return written.replace("\0", "")


def _days(said: dict[str, str], zone: ZoneInfo, wrong: dict[str, str]) -> dict[str, Any]:
    found = {}
    for field, name, read in (
        ("from", "received_from", first_moment),
        ("to", "received_until", moment_after),
    ):
        try:
            found[name] = read(said[field], zone) if said[field] else None
        except BadMoment:
            wrong[field] = _NO_DAY
    return found


def _places(address: QueryParams, wrong: dict[str, str]) -> dict[str, ResultCursor]:
    try:
        return {
            name: ResultCursor.parse(address[name])
            for name in ("after", "before")
            if address.get(name)
        }
    except BadCursor:
        wrong["place"] = _CUT
        return {}
