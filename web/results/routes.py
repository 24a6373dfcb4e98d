"""The page of results, and all that it shows as one file."""

from datetime import UTC, datetime

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse

from db.audit import Action
from db.result_query import ResultPage, every_result, read_results
from db.session import reading
from db.worklist import worklist_sources
from web.access.audit import note
from web.access.guard import Viewer, Visitor
from web.pages import render
from web.results.asked import STATE_WORDS, Asked
from web.results.files import FILE_FORMS
from web.vocabulary import vocabulary_of
from web.window import InWindow, Window

router = APIRouter()


@router.get("/results")
def results(request: Request, window: InWindow, visitor: Viewer) -> HTMLResponse:
    """A page of rows as `osteon results` prints them, in the same order."""
    asked = Asked.read(request.query_params, window.plan.time_zone)
    note(window, visitor, Action.RESULTS_VIEWED, detail=asked.narrowed_by or None)
    with reading(window.ledger) as session:
        page = _NOTHING if asked.wrong else read_results(session, asked.query)
        sources = worklist_sources(session)
    return render(
        request,
        visitor,
        "results/page.html",
        422 if asked.wrong else 200,
        asked=asked,
        page=page,
        sources=_with(asked.said["source"], [title for title in sources if title]),
        regions=_with(asked.said["region"], sorted(vocabulary_of(window).regions)),
        states=STATE_WORDS,
        file_forms=list(FILE_FORMS),
        taken_at=datetime.now(UTC),
    )


@router.get("/results.{form}")
def results_as_file(request: Request, window: InWindow, visitor: Viewer, form: str) -> Response:
    """All that the page's address asks for, however many pages it fills."""
    if form not in FILE_FORMS:
        raise HTTPException(404, "Results are written as csv, json or parquet.")
    asked = Asked.read(request.query_params, window.plan.time_zone)
    if asked.wrong:
        raise HTTPException(422, next(iter(asked.wrong.values())))
    return send_file(window, visitor, asked, form)


def send_file(window: Window, visitor: Visitor, asked: Asked, form: str) -> Response:
    """Streamed, once it is written down who takes it; a ledger that goes away cuts it short."""
    written = FILE_FORMS[form]
    by = f"; by {asked.narrowed_by}" if asked.narrowed_by else ""
    note(window, visitor, Action.RESULTS_EXPORTED, detail=form + by)
    day = datetime.now(window.plan.time_zone).date()
    name = f"osteon-results-{day}.{written.suffix}"
    return StreamingResponse(
        written.pieces(every_result(window.ledger, asked.query)),
        media_type=written.media_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


_NOTHING = ResultPage([], None, None, has_before=False, has_after=False)


def _with(chosen: str, known: list[str]) -> list[str]:
    """What may be chosen, and what was: the address may name another."""
    return known if not chosen or chosen in known else [chosen, *known]
