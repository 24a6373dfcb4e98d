"""What is answered where a page cannot be shown, in words that say what to do next."""

import structlog
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from db.session import LedgerUnavailable, LedgerUnsafe
from web.access.guard import NotAllowed, SignInNeeded
from web.access.scopes import ScopeMissing
from web.pages import render

log = structlog.get_logger(__name__)


def answer_refusals(app: FastAPI) -> None:
    app.add_exception_handler(LedgerUnavailable, _ledger_away)
    app.add_exception_handler(LedgerUnsafe, _ledger_away)
    app.add_exception_handler(SignInNeeded, _sign_in)
    app.add_exception_handler(NotAllowed, _not_allowed)
    app.add_exception_handler(ScopeMissing, _scope_missing)
    app.add_exception_handler(HTTPException, _plainly)


def _ledger_away(request: Request, trouble: Exception) -> Response:
    log.warning("ledger_unavailable", error=str(trouble))
    return _say(request, 503, "ledger_away", "the ledger does not answer")


def _sign_in(request: Request, _refusal: Exception) -> Response:
    if _is_program(request):
        return JSONResponse({"detail": "sign in, or show a token"}, 401)
    return RedirectResponse("/sign-in", 303)


def _not_allowed(request: Request, refusal: Exception) -> Response:
    return _say(request, 403, "not_allowed", f"this is for the role {refusal}", needed=str(refusal))


def _scope_missing(_request: Request, refusal: Exception) -> Response:
    return JSONResponse({"detail": f"the token has no scope {refusal}"}, 403)


def _plainly(request: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, HTTPException)
    return _say(request, refusal.status_code, "plain", refusal.detail, detail=refusal.detail)


def _say(request: Request, status: int, page: str, sentence: str, **values: str) -> Response:
    if _is_program(request):
        return JSONResponse({"detail": sentence}, status)
    return render(request, None, f"errors/{page}.html", status, code=status, **values)


def _is_program(request: Request) -> bool:
    return request.url.path.startswith("/api/") or request.headers.get("sec-fetch-dest") == "empty"
