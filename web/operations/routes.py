"""The operations page and its parts, which it asks for anew by itself."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field, StringConstraints

from db.audit import Action, list_events
from db.audit_forwarding import backlog
from db.job_list import list_jobs
from db.session import reading
from db.states import JobState
from db.throughput import MOST_MEASURED, MOST_WAITS, hourly_counts, stage_times
from dicom_node.spool import SpoolError
from web.access.audit import note, note_viewing
from web.access.guard import Administrator, Visitor
from web.operations import wording
from web.operations.charts import HEIGHT, WIDTH, hours_chart, stages_chart
from web.operations.desk import Desk, InDesk
from web.operations.disk import read_disk
from web.operations.keeping import read_keeping
from web.operations.present import read_present
from web.pages import render
from web.window import InWindow, Window

router = APIRouter()
_PAGE = 50
Narrow = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]


class AuditAsked(BaseModel):
    """Whose events, on which study, and those before which; '' narrows nothing."""

    actor: Narrow = ""
    study: Narrow = ""
    before: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None

    def address(self, **changes: object) -> str:
        said = {"actor": self.actor, "study": self.study} | changes
        narrowing = urlencode({name: value for name, value in said.items() if value})
        return "/operations/audit" + (f"?{narrowing}" if narrowing else "")


_LATEST_EVENTS = 8


def show(request: Request, visitor: Visitor, template: str, **values: Any) -> HTMLResponse:
    return render(request, visitor, template, wording=wording, **values)


@router.get("/operations")
def operations(
    request: Request, window: InWindow, desk: InDesk, visitor: Administrator, days: str = "1"
) -> HTMLResponse:
    """The whole page, or what changes by the second where the page itself asks for it anew."""
    if request.headers.get("HX-Target") == "now":
        return show_present(request, window, desk, visitor)
    note_viewing(window, visitor, Action.TRAIL_VIEWED)
    return show(
        request,
        visitor,
        "operations/page.html",
        said="",
        **present_values(window, desk),
        **_charts_values(window, days),
        **test_values(window, desk),
    )


def show_present(
    request: Request, window: Window, desk: Desk, visitor: Visitor, said: str = ""
) -> HTMLResponse:
    values = present_values(window, desk)
    return show(request, visitor, "operations/now.html", said=said, **values)


def present_values(window: Window, desk: Desk) -> dict[str, Any]:
    with reading(window.ledger) as session:
        present = read_present(session, window.plan.peers, desk)
        events = list_events(session, limit=_LATEST_EVENTS)
    return {
        "present": present,
        "events": events,
        "taken_at": datetime.now(UTC),
    }


def test_values(window: Window, desk: Desk) -> dict[str, Any]:
    return {"test": desk.test, "can_test": window.plan.listener is not None}


@router.get("/operations/charts")
def charts(
    request: Request, window: InWindow, visitor: Administrator, days: str = "1"
) -> HTMLResponse:
    values = _charts_values(window, days)
    return show(request, visitor, "operations/charts.html", **values)


def _charts_values(window: Window, asked: str) -> dict[str, Any]:
    days = asked if asked in wording.PERIODS else "1"
    now = datetime.now(UTC)
    since = now - timedelta(days=int(days))
    with reading(window.ledger) as session:
        stages, hours = stage_times(session, since), hourly_counts(session, since, now)
    return {
        "days": days,
        "stages": stages_chart(stages),
        "hours": hours,
        "by_hour": hours_chart(hours, window.plan.time_zone),
        "most": (MOST_MEASURED, MOST_WAITS),
        "chart_size": (WIDTH, HEIGHT),
        "charted_at": now,
    }


@router.get("/operations/disk")
def disk(request: Request, window: InWindow, visitor: Administrator) -> HTMLResponse:
    try:
        found = read_disk(window.ledger, window.spool, window.plan)
    except (OSError, SpoolError) as trouble:
        said = getattr(trouble, "strerror", None) or str(trouble)
        values: dict[str, Any] = {"disk": None, "trouble": said}
    else:
        values = {"disk": found, "trouble": ""}
    keeping = read_keeping(window.ledger, window.plan.retention)
    return show(request, visitor, "operations/disk.html", keeping=keeping, **values)


@router.get("/operations/self-test")
def self_test(
    request: Request, window: InWindow, desk: InDesk, visitor: Administrator
) -> HTMLResponse:
    return show(request, visitor, "operations/self_test.html", **test_values(window, desk))


@router.get("/operations/dead-letters")
def dead_letters(
    request: Request,
    window: InWindow,
    visitor: Administrator,
    after: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
) -> HTMLResponse:
    return show_dead_letters(request, window, visitor, after=after)


def show_dead_letters(
    request: Request, window: Window, visitor: Visitor, *, after: int, said: str = ""
) -> HTMLResponse:
    with reading(window.ledger) as session:
        found = list_jobs(session, states=[JobState.DEAD], after_id=after, limit=_PAGE + 1)
    fragment = request.headers.get("HX-Target") == "letters"
    return show(
        request,
        visitor,
        "operations/letters.html" if fragment else "operations/dead_letters.html",
        jobs=found[:_PAGE],
        has_more=len(found) > _PAGE,
        after=after,
        said=said,
        taken_at=datetime.now(UTC),
    )


@router.get("/operations/audit")
def audit(
    request: Request,
    window: InWindow,
    visitor: Administrator,
    asked: Annotated[AuditAsked, Query()],
) -> HTMLResponse:
    with reading(window.ledger) as session:
        forwarding = backlog(session)
        found = list_events(
            session,
            before_id=asked.before,
            actor=asked.actor,
            study_instance_uid=asked.study,
            limit=_PAGE + 1,
        )
    note(window, visitor, Action.TRAIL_VIEWED, study_instance_uid=asked.study or None)
    return show(
        request,
        visitor,
        "operations/audit.html",
        events=found[:_PAGE],
        has_more=len(found) > _PAGE,
        asked=asked,
        forwarding=forwarding,
        taken_at=datetime.now(UTC),
    )
