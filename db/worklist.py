"""The worklist in pages: every order follows an index, however many studies there are."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self

from sqlalchemy import ColumnElement, Select, func, literal, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from db.tables import Study, WorklistEntry, WorklistStale
from db.worklist_refresh import searchable


class Order(StrEnum):
    NEWEST = "newest"
    OLDEST = "oldest"
    URGENT = "urgent"  # unread first, then by the rules' priority, gravity and probability


class BadCursor(ValueError):
    """What should say where a page begins says nothing of the kind."""


@dataclass(frozen=True)
class Cursor:
    """A study's place in any order."""

    urgency: float
    received_at: datetime
    study_id: int

    def __str__(self) -> str:
        return f"{self.urgency!r}_{self.received_at.isoformat()}_{self.study_id}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises BadCursor."""
        try:
            urgency, received_at, study_id = text.split("_")
            moment, number = datetime.fromisoformat(received_at), int(study_id)
            if moment.tzinfo is None or not 0 <= number < 2**31:
                raise ValueError
            return cls(float(urgency), moment.astimezone(UTC), number)
        except (ValueError, OverflowError) as error:
            raise BadCursor("this page's address was cut short or changed") from error


@dataclass(frozen=True)
class WorklistQuery:
    """What is asked for; empty narrows nothing. `after` and `before` are places in the order."""

    order: Order = Order.NEWEST
    state: str = ""
    finding: str = ""
    source_ae_title: str = ""
    region: str = ""
    search: str = ""
    since: datetime | None = None
    after: Cursor | None = None
    before: Cursor | None = None
    limit: int = 50


@dataclass(frozen=True)
class WorklistRow:
    """A study on the worklist, the patient's identity as its first instance gave it."""

    study_id: int
    study_instance_uid: str
    patient_name: str
    patient_id: str
    patient_birth_date: str
    patient_sex: str
    accession_number: str
    study_date: str
    study_description: str
    state: str
    finding: str | None
    probability: float | None
    regions: str
    source_ae_title: str
    priority: int
    urgency: float
    images: int
    images_not_analysed: int
    images_pending: int
    quarantined: int
    report_revision: int | None
    deliveries: int | None
    deliveries_sent: int | None
    deliveries_committed: int | None
    reason: str | None
    opinion: str | None
    received_at: datetime
    analysed_at: datetime | None
    reported_at: datetime | None
    delivered_at: datetime | None
    committed_at: datetime | None

    @property
    def cursor(self) -> Cursor:
        return Cursor(self.urgency, self.received_at, self.study_id)


@dataclass(frozen=True)
class WorklistPage:
    """Rows in order; whether the order goes on before and after them."""

    rows: list[WorklistRow]
    has_before: bool
    has_after: bool


def read_worklist(session: Session, query: WorklistQuery) -> WorklistPage:
    """A page of the worklist, with one row more asked for to know whether there are others."""
    backwards = query.before is not None
    found = session.execute(_asked(query, backwards)).all()
    rows = [WorklistRow(*row) for row in found[: query.limit]]
    more = len(found) > query.limit
    if backwards:
        return WorklistPage(rows[::-1], has_before=more, has_after=True)
    return WorklistPage(rows, has_before=query.after is not None, has_after=more)


def entry_version(session: Session, study_instance_uid: str) -> int:
    """Rises whenever the study's own entry is made anew; 0 before it has been made once."""
    asked = select(WorklistEntry.version).join(Study, Study.id == WorklistEntry.study_id)
    return session.scalar(asked.where(Study.study_instance_uid == study_instance_uid)) or 0


def count_worklist(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(WorklistEntry)) or 0


def has_stale_entries(session: Session) -> bool:
    return session.scalar(select(WorklistStale.id).limit(1)) is not None


def worklist_sources(session: Session) -> Sequence[str]:
    """The AE titles that ever sent a study, by hops along the index: few of many rows."""
    titles: list[str] = []
    column = WorklistEntry.source_ae_title
    while True:
        following = (
            select(func.min(column)).where(column > titles[-1])
            if titles
            else select(func.min(column))
        )
        title = session.scalar(following)
        if title is None:
            return titles
        titles.append(title)


def _asked(query: WorklistQuery, backwards: bool) -> Select[Any]:
    """The places first, from the worklist alone: all else is looked up for one page's rows."""
    descending = (query.order is not Order.OLDEST) != backwards
    keys = _keys(query.order)
    in_order = [key.desc() if descending else key.asc() for key in keys]
    places = select(WorklistEntry.study_id).where(*_narrowing(query))
    place = query.before if backwards else query.after
    if place is not None:
        here, there = tuple_(*keys), tuple_(*_place(keys, place))
        places = places.where(here < there if descending else here > there)
    page = places.order_by(*in_order).limit(query.limit + 1).subquery()
    asked = select(*_columns()).join(Study, Study.id == WorklistEntry.study_id)
    return asked.join(page, page.c.study_id == WorklistEntry.study_id).order_by(*in_order)


def _keys(order: Order) -> list[InstrumentedAttribute[Any]]:
    by_time: list[InstrumentedAttribute[Any]] = [WorklistEntry.received_at, WorklistEntry.study_id]
    return [WorklistEntry.urgency, *by_time] if order is Order.URGENT else by_time


def _place(keys: list[InstrumentedAttribute[Any]], cursor: Cursor) -> list[Any]:
    return [literal(getattr(cursor, key.key), key.type) for key in keys]


def _columns() -> list[InstrumentedAttribute[Any]]:
    names = [field.name for field in fields(WorklistRow)]
    return [getattr(WorklistEntry, name, None) or getattr(Study, name) for name in names]


def _narrowing(query: WorklistQuery) -> list[ColumnElement[bool]]:
    entry, narrowing = WorklistEntry, []
    for column, value in (
        (entry.state, query.state),
        (entry.finding, query.finding),
        (entry.source_ae_title, query.source_ae_title),
    ):
        if value:
            narrowing.append(column == value)
    if query.region:
        narrowing.append(entry.regions.contains(query.region, autoescape=True))
    if query.since is not None:
        narrowing.append(entry.received_at >= query.since)
    for word in searchable(query.search).split():
        narrowing.append(entry.search_text.contains(word, autoescape=True))
    return narrowing
