"""`/results`: a row per received object, in pages of four forms, and all of them as one file."""

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import Response, StreamingResponse

from db.audit import Action
from db.periods import first_moment, moment_after
from db.result_query import ResultPage, ResultQuery, every_result, read_results
from db.session import reading
from web.access.audit import note
from web.access.scopes import ReadsResults
from web.api.answers import ShortBodyRoute, answer, next_page
from web.api.filters import ResultFile, ResultFilter, ResultPageFilter
from web.api.places import read_result_place, result_place
from web.api.result_documents import ImageResult, ResultList
from web.results.files import FILE_FORMS, FileForm
from web.window import InWindow, Window

router = APIRouter(route_class=ShortBodyRoute, tags=["results"])
_FORMS = {"csv": FILE_FORMS["csv"], "ndjson": FILE_FORMS["json"], "parquet": FILE_FORMS["parquet"]}
_MEDIA_TYPES = {form.media_type.partition(";")[0]: name for name, form in _FORMS.items()}
_MEDIA_TYPES |= {"application/json": "json", "application/*": "json", "*/*": "json"}
_CONTENT: dict[str, Any] = {
    "text/csv": {"schema": {"type": "string"}},
    "application/x-ndjson": {"schema": {"type": "string"}},
    "application/vnd.apache.parquet": {"schema": {"type": "string", "format": "binary"}},
}


@router.get("/results", responses={200: {"model": ResultList, "content": _CONTENT}})
def list_results(
    request: Request,
    window: InWindow,
    visitor: ReadsResults,
    asked: Annotated[ResultPageFilter, Query()],
) -> Response:
    """A page of rows as `osteon results` prints them; `Accept` or `format` says in which form.

    Where there is more, the header Link names the next page in every form, and `next` in JSON.
    """
    form = asked.format or _accepted(request)
    after = read_result_place(asked.after) if asked.after else None
    query = replace(_query(window, asked), after=after, limit=asked.limit)
    note(window, visitor, Action.RESULTS_VIEWED, detail=asked.narrowed_by() or None)
    with reading(window.ledger) as session:
        page = read_results(session, query)
    following = next_page(request, result_place(page.last) if page.has_after else None)
    return _in_form(request, page, form, following)


@router.get("/results/export", response_class=Response, responses={200: {"content": _CONTENT}})
def export_results(
    window: InWindow, visitor: ReadsResults, asked: Annotated[ResultFile, Query()]
) -> Response:
    """All rows that match as one file, written as it is read; it has no ETag.

    A file that ends before its last chunk is not whole: the ledger went away meanwhile.
    """
    form = _FORMS[asked.format]
    narrowed = asked.narrowed_by()
    by = f"; by {narrowed}" if narrowed else ""
    note(window, visitor, Action.RESULTS_EXPORTED, detail=asked.format + by)
    pieces = form.pieces(every_result(window.ledger, _query(window, asked)))
    name = f'attachment; filename="osteon-results.{form.suffix}"'
    headers = {"Content-Disposition": name}
    return StreamingResponse(pieces, media_type=form.media_type, headers=headers)


def _in_form(request: Request, page: ResultPage, form: str, following: str | None) -> Response:
    if form == "json":
        items = [ImageResult.model_validate(row) for row in page.rows]
        return answer(request, ResultList(items=items, next=following), following=following)
    written: FileForm = _FORMS[form]
    body = b"".join(written.pieces(iter(page.rows)))
    return answer(request, body, media_type=written.media_type, following=following)


def _query(window: Window, asked: ResultFilter) -> ResultQuery:
    zone = window.plan.time_zone
    since = None if asked.since is None else first_moment(asked.since, zone)
    until = None if asked.until is None else moment_after(asked.until, zone)
    return asked.within(since, until)


def _accepted(request: Request) -> str:
    """The form that the header Accept likes best; raises HTTPException where it takes none."""
    offers: list[tuple[float, int, str]] = []
    for offer in request.headers.get("accept", "*/*").split(","):
        media_type, *parameters = (part.strip().lower() for part in offer.split(";"))
        weights = [one.removeprefix("q=") for one in parameters if one.startswith("q=")]
        weight = float(weights[0]) if weights and _is_number(weights[0]) else 1.0
        if media_type in _MEDIA_TYPES and weight > 0:
            offers.append((-weight, len(offers), _MEDIA_TYPES[media_type]))
    if not offers:
        raise HTTPException(406, "Results come as JSON, CSV, JSON lines or Parquet.")
    return min(offers)[2]


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdecimal()
