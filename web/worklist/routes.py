"""The worklist's page, its rows alone, and the news that they changed."""

from datetime import UTC, datetime

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, StreamingResponse

from db.audit import Action
from db.session import reading
from db.worklist import count_worklist, read_worklist, worklist_sources
from db.worklist_refresh import worklist_version
from web.access.audit import note, note_viewing
from web.access.background import is_background
from web.access.guard import Viewer
from web.pages import render
from web.vocabulary import vocabulary_of
from web.window import InWindow, Window
from web.worklist.asked import ORDERS, PERIODS, Asked, BadCursor
from web.worklist.clock import clock_of
from web.worklist.live import stream

router = APIRouter()
# A browser asks anew after this long: who has signed out meanwhile hears no more.
_STREAM_SECONDS = 300


@router.get("/worklist")
def worklist(request: Request, window: InWindow, visitor: Viewer) -> HTMLResponse:
    """The whole page, or its rows alone where the page itself asks for them anew."""
    asked = Asked.read(request.query_params)
    rows_only = request.headers.get("HX-Target") == "rows"
    if is_background(request):
        note_viewing(window, visitor, Action.WORKLIST_VIEWED)
    else:
        note(window, visitor, Action.WORKLIST_VIEWED)
    try:
        query = asked.query()
    except BadCursor as refusal:
        raise HTTPException(400, str(refusal)) from refusal
    with reading(window.ledger) as session:
        # First, so that what changes between two questions is asked for again.
        version = worklist_version(session)
        page, total = read_worklist(session, query), count_worklist(session)
        sources = [] if rows_only else worklist_sources(session)
    answer = render(
        request,
        visitor,
        "worklist/rows.html" if rows_only else "worklist/page.html",
        page=page,
        total=total,
        version=version,
        asked=asked,
        sources=sources,
        regions=_regions(window, asked.region),
        orders=ORDERS,
        periods=PERIODS,
        clock_of=clock_of,
        taken_at=datetime.now(UTC),
    )
    if rows_only and not is_background(request):
        # The address without the fields that say nothing.
        answer.headers["HX-Push-Url"] = asked.address()
    return answer


def _regions(window: Window, chosen: str) -> list[str]:
    """The network's words, and what the address names if it is none of them."""
    return sorted({*vocabulary_of(window).regions, *([chosen] if chosen else [])})


@router.get("/events")
async def events(request: Request, _visitor: Viewer) -> StreamingResponse:
    return await stream(request, _STREAM_SECONDS)
