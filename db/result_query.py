"""The results of images that were asked for, a page at a time: one way for pages and programs."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Self

from sqlalchemy import (
    ColumnElement,
    Engine,
    Row,
    ScalarSelect,
    Select,
    and_,
    false,
    func,
    literal,
    select,
    tuple_,
)
from sqlalchemy.orm import Session, aliased

from db.results import RESULT_IMAGE
from db.session import reading
from db.states import AnalysisState, JobKind, JobState
from db.tables import Analysis, Association, Instance, Job, Series, Study
from db.worklist import BadCursor

RESULT_COLUMNS = (*(column.name for column in RESULT_IMAGE.columns), "source_ae_title")
RESULT_STATES = (
    *("fracture", "possible", "none", "not_analysed"),
    *("waiting", "analysing", "blocked", "quarantined", "failed"),
)
_BATCH = 500


@dataclass(frozen=True)
class ResultCursor:
    """A received instance's place in the order of time."""

    received_at: datetime
    instance_id: int

    def __str__(self) -> str:
        return f"{self.received_at.isoformat()}_{self.instance_id}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises BadCursor."""
        try:
            received_at, instance_id = text.split("_")
            moment, number = datetime.fromisoformat(received_at), int(instance_id)
            if moment.tzinfo is None or not 0 <= number < 2**31:
                raise ValueError
            return cls(moment.astimezone(UTC), number)
        except (ValueError, OverflowError) as error:
            raise BadCursor("this place was cut short or changed") from error


@dataclass(frozen=True)
class ResultQuery:
    """What is asked for; empty narrows nothing. `after` and `before` are places in the order.

    `received_from` is the first moment that counts, `received_until` the first that does not.
    """

    received_from: datetime | None = None
    received_until: datetime | None = None
    region: str = ""
    state: str = ""
    source_ae_title: str = ""
    study_instance_uid: str = ""
    modality: str = ""
    model_version: str = ""
    newest_first: bool = False
    after: ResultCursor | None = None
    before: ResultCursor | None = None
    limit: int = 100


@dataclass(frozen=True)
class ResultPage:
    """Rows of RESULT_COLUMNS in order, where they begin and end, and whether the order goes on."""

    rows: list[dict[str, Any]]
    first: ResultCursor | None
    last: ResultCursor | None
    has_before: bool
    has_after: bool


def read_results(session: Session, query: ResultQuery) -> ResultPage:
    """A page of results, oldest first unless asked otherwise; times as UTC datetimes."""
    backwards = query.before is not None
    found = session.execute(_asked(query)).all()
    more, kept = len(found) > query.limit, found[: query.limit]
    if backwards:
        kept = kept[::-1]
    places = [ResultCursor(one.received_at, one.id) for one in kept]
    return ResultPage(
        rows=_rows_of(session, kept),
        first=places[0] if places else None,
        last=places[-1] if places else None,
        has_before=more if backwards else query.after is not None,
        has_after=True if backwards else more,
    )


def every_result(
    engine: Engine, query: ResultQuery, *, at_most: int | None = None
) -> Iterator[dict[str, Any]]:
    """All that was asked for, read page by page: whoever takes long holds nothing in the ledger."""
    left = at_most
    while left is None or left > 0:
        limit = _BATCH if left is None else min(_BATCH, left)
        with reading(engine) as session:
            page = read_results(session, replace(query, limit=limit))
        yield from page.rows
        if not page.has_after:
            return
        query = replace(query, after=page.last)
        left = None if left is None else left - len(page.rows)


def _asked(query: ResultQuery) -> Select[Any]:
    # The view has no number to go on from, and would compute every row to sort a few.
    descending = query.newest_first != (query.before is not None)
    keys = (Instance.received_at, Instance.id)
    columns: list[Any] = [
        *(Instance.id, Instance.received_at, Instance.sop_instance_uid, Instance.spool_key),
        Instance.quarantine_reason.is_not(None).label("is_apart"),
        Association.calling_ae_title,
    ]
    asked = (
        select(*columns)
        .join(Series, Series.id == Instance.series_id)
        .join(Study, Study.id == Series.study_id)
        .join(Association, Association.id == Instance.association_id)
    )
    place = query.before or query.after
    if place is not None:
        # Without its column's type a moment would be written as the driver likes.
        received_at = literal(place.received_at, Instance.received_at.type)
        here, there = tuple_(*keys), tuple_(received_at, place.instance_id)
        asked = asked.where(here < there if descending else here > there)
    ordered = [key.desc() if descending else key.asc() for key in keys]
    return asked.where(*_narrowing(query)).order_by(*ordered).limit(query.limit + 1)


def _narrowing(query: ResultQuery) -> list[ColumnElement[bool]]:
    narrowing: list[ColumnElement[bool]] = []
    for column, value in (
        (Association.calling_ae_title, query.source_ae_title),
        (Study.study_instance_uid, query.study_instance_uid),
        (Series.modality, query.modality),
    ):
        if value:
            narrowing.append(column == value)
    if query.received_from is not None:
        narrowing.append(Instance.received_at >= query.received_from)
    if query.received_until is not None:
        narrowing.append(Instance.received_at < query.received_until)
    if query.region:
        narrowing.append(_answered(Analysis.region == query.region))
    if query.model_version:
        narrowing.append(_answered(Analysis.model_version == query.model_version))
    if query.state:
        narrowing.append(_is_in(query.state))
    return narrowing


def _answered(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether the answer that counts is so; which one that is, is looked up where one is so."""
    later = aliased(Analysis)
    is_later = and_(later.instance_id == Analysis.instance_id, later.id > Analysis.id)
    asked = select(Analysis.id).where(Analysis.instance_id == Instance.id, condition)
    return asked.where(~select(later.id).where(is_later).exists()).correlate(Instance).exists()


def _is_in(state: str) -> ColumnElement[bool]:
    """Whether the view's `state` is this one (a test holds them together), asked of the tables."""
    if state == "quarantined":
        return Instance.quarantine_reason.is_not(None)
    is_live = Instance.quarantine_reason.is_(None)
    if state in list(AnalysisState):
        return and_(is_live, _answered(Analysis.state == AnalysisState(state)))
    any_answer = select(Analysis.id).where(Analysis.instance_id == Instance.id)
    is_unanswered = and_(is_live, ~any_answer.correlate(Instance).exists())
    if state == "blocked":
        return and_(Study.blocked_reason.is_not(None), is_unanswered)
    is_open = and_(Study.blocked_reason.is_(None), is_unanswered)
    if state == "failed":
        under_way = _last_job_state().in_([JobState.WAITING, JobState.RUNNING])
        return and_(is_open, func.coalesce(under_way, false()).is_(false()))
    job_state = {"waiting": JobState.WAITING, "analysing": JobState.RUNNING}.get(state)
    # An open job is its subject's last one, and found by an index of the open ones.
    subjects = select(Job.subject_id).where(Job.kind == JobKind.ANALYSE, Job.state == job_state)
    return and_(is_open, Instance.id.in_(subjects)) if job_state else false()


def _last_job_state() -> ScalarSelect[Any]:
    asked = select(Job.state).where(Job.kind == JobKind.ANALYSE, Job.subject_id == Instance.id)
    return asked.order_by(Job.id.desc()).limit(1).correlate(Instance).scalar_subquery()


def _rows_of(session: Session, found: Sequence[Row[Any]]) -> list[dict[str, Any]]:
    view = RESULT_IMAGE.c
    asked = select(RESULT_IMAGE).where(
        view.sop_instance_uid.in_({one.sop_instance_uid for one in found})
    )
    # One UID may have come twice: its two rows are told apart by what was kept of them.
    rows: defaultdict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in session.execute(asked).mappings() if found else ():
        is_apart = row["state"] == "quarantined"
        key = (row["sop_instance_uid"], row["file"], row["received_at"], is_apart)
        rows[key].append(dict(row))
    return [
        rows[one.sop_instance_uid, one.spool_key, one.received_at, bool(one.is_apart)].pop()
        | {"source_ae_title": one.calling_ae_title}
        for one in found
    ]
