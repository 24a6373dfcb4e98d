"""The status page and the health check; nothing else is served, and nothing can be changed here."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.middleware.trustedhost import TrustedHostMiddleware

from db.session import LedgerUnavailable, LedgerUnsafe
from http_serving import NO_TELEMETRY
from web import words
from web.snapshot import STUDIES_SHOWN, LedgerSight

log = structlog.get_logger(__name__)

_STYLE_SHEET = Path(__file__).parent / "static" / "osteon.css"
_REFRESH_SECONDS = 5
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_LEDGER_TROUBLE = (LedgerUnavailable, LedgerUnsafe)


@dataclass(frozen=True)
class WebPlan:
    """Which ledger to show, where the listener is called, and where the page is served."""

    ledger_url: str
    ae_title: str
    dicom_host: str
    dicom_port: int
    time_zone: ZoneInfo
    bind_address: str = "127.0.0.1"
    port: int = 8042


def create_app(plan: WebPlan) -> FastAPI:
    """The application; it starts without the ledger, and says so on the page."""
    sight, pages = LedgerSight(plan.ledger_url), _pages(plan)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        sight.close()

    app = FastAPI(
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        telemetry=NO_TELEMETRY,
    )
    # Else a foreign site whose name is made to point here could read the page in a browser.
    hosts = ["localhost", "127.0.0.1", "[::1]", plan.bind_address]
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=hosts)
    app.middleware("http")(_add_headers)
    app.get("/")(lambda: _status(sight, pages))
    app.get("/healthz")(lambda: _health(sight))
    app.get("/osteon.css")(lambda: FileResponse(_STYLE_SHEET, media_type="text/css"))
    return app


def _status(sight: LedgerSight, pages: Environment) -> Response:
    try:
        snapshot = sight.look()
    except _LEDGER_TROUBLE as trouble:
        log.warning("ledger_unavailable", error=str(trouble))
        return HTMLResponse(pages.get_template("unavailable.html").render(), 503)
    return HTMLResponse(pages.get_template("status.html").render(snapshot=snapshot))


def _health(sight: LedgerSight) -> Response:
    try:
        sight.check()
    except _LEDGER_TROUBLE as trouble:
        log.warning("ledger_unavailable", error=str(trouble))
        return JSONResponse({"ledger": "unavailable"}, 503)
    return JSONResponse({"ledger": "answers"})


async def _add_headers(
    request: Request, answer: Callable[[Request], Awaitable[Response]]
) -> Response:
    response = await answer(request)
    response.headers.update(_HEADERS)
    return response


def _pages(plan: WebPlan) -> Environment:
    pages = Environment(
        loader=PackageLoader("web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.globals.update(
        plan=plan, words=words, refresh_seconds=_REFRESH_SECONDS, studies_shown=STUDIES_SHOWN
    )
    return pages
