"""From the page's address to what is asked of the ledger, and back."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from db.worklist import BadCursor, Cursor, Order, WorklistQuery
from web.words import FINDINGS, N_, STATES

PERIODS = {"1": N_("last 24 hours"), "7": N_("last 7 days"), "30": N_("last 30 days")}
ORDERS = {
    Order.NEWEST: N_("newest first"),
    Order.URGENT: N_("most urgent first"),
    Order.OLDEST: N_("oldest first"),
}
_NARROWING = ("state", "finding", "source", "region", "search", "days")


@dataclass(frozen=True)
class Asked:
    """The page's address, read: what is no known word is as if it were not there."""

    order: Order = Order.NEWEST
    state: str = ""
    finding: str = ""
    source: str = ""
    region: str = ""
    search: str = ""
    days: str = ""
    after: str = ""
    before: str = ""

    @classmethod
    def read(cls, address: QueryParams) -> Self:
        order = address.get("order", "")
        return cls(
            order=Order(order) if order in list(Order) else Order.NEWEST,
            state=_known(address.get("state", ""), STATES),
            finding=_known(address.get("finding", ""), FINDINGS),
            source=_text(address, "source")[:16],
            region=_text(address, "region")[:40],
            search=_text(address, "search").strip()[:100],
            days=_known(address.get("days", ""), PERIODS),
            after=address.get("after", ""),
            before=address.get("before", ""),
        )

    @property
    def is_narrowed(self) -> bool:
        return any(getattr(self, name) for name in _NARROWING)

    def query(self, now: datetime | None = None) -> WorklistQuery:
        """Raises BadCursor where `after` or `before` says no place."""
        since = (now or datetime.now(UTC)) - timedelta(days=int(self.days)) if self.days else None
        return WorklistQuery(
            order=self.order,
            state=self.state,
            finding=self.finding,
            source_ae_title=self.source,
            region=self.region,
            search=self.search,
            since=since,
            after=Cursor.parse(self.after) if self.after else None,
            before=Cursor.parse(self.before) if self.before else None,
        )

    def address(self, path: str = "/worklist", **changes: str | Cursor) -> str:
        """The page's address with these changes; a change of what is asked begins at the top."""
        said = {name: getattr(self, name) for name in (*_NARROWING, "order")} | changes
        said = {name: str(value) for name, value in said.items() if value}
        if said.get("order") == Order.NEWEST:
            del said["order"]
        return path + (f"?{urlencode(said)}" if said else "")


def _text(address: QueryParams, name: str) -> str:
    """Without what PostgreSQL would refuse to look for."""
    return address.get(name, "").replace("\0", "")


def _known(word: str, words: dict[str, str]) -> str:
    return word if word in words else ""


__all__ = ["ORDERS", "PERIODS", "Asked", "BadCursor"]
