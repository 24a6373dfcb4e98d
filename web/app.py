"""The window: every room's pages behind one guard, with one frame and one set of headers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from fastapi import FastAPI
from fastapi.responses import JSONResponse, RedirectResponse, Response
from sqlalchemy import text
from starlette.middleware.trustedhost import TrustedHostMiddleware

from db.audit_tally import AuditTally
from db.presence import PresenceKeeper, RunningProcess
from db.session import LedgerUnavailable, LedgerUnsafe, reading
from http_serving import NO_TELEMETRY
from web import api, classifier, operations, results, study, trial, worklist
from web.access.door import Door
from web.access.reception import Reception
from web.access.routes import routers as access
from web.pages import page_environment
from web.plan import WebPlan
from web.refusals import answer_refusals
from web.static_files import serve_static_files
from web.window import Window

log = structlog.get_logger(__name__)
_ROOMS = (
    classifier.router,
    *access,
    worklist.router,
    *study.routers,
    trial.router,
    results.router,
    *api.routers,
    *operations.routers,
)


def create_app(plan: WebPlan) -> FastAPI:
    """The application; it starts without the ledger, and says so on the page."""
    window, tally = Window(plan), AuditTally()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with PresenceKeeper(lambda: window.ledger, lambda: RunningProcess("web"), tally=tally):
            async with worklist.live_updates(app, window):
                yield
        window.close()

    app = FastAPI(
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        telemetry=NO_TELEMETRY,
    )
    app.state.window, app.state.pages = window, page_environment(plan)
    app.state.reception, app.state.audit_tally = Reception(window), tally
    app.state.desk = operations.Desk()
    # Else a foreign site whose name is made to point here could read the page in a browser.
    hosts = ["localhost", "127.0.0.1", "[::1]", plan.bind_address, *plan.access.hosts]
    # The last one added stands before the others.
    app.add_middleware(Door, reception=app.state.reception)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=hosts)
    answer_refusals(app)
    for room in _ROOMS:
        app.include_router(room)
    app.get("/")(lambda: RedirectResponse("/worklist", 303))
    app.get("/healthz")(lambda: _health(window))
    serve_static_files(app)
    return app


def _health(window: Window) -> Response:
    try:
        with reading(window.ledger) as session:
            session.execute(text("SELECT 1 FROM study LIMIT 1"))
    except (LedgerUnavailable, LedgerUnsafe) as trouble:
        log.warning("ledger_unavailable", error=str(trouble))
        return JSONResponse({"ledger": "unavailable"}, 503)
    return JSONResponse({"ledger": "answers"})
