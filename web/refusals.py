"""What is answered where a page cannot be shown, in words that say what to do next."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException

from db.audit import PEER, Action, AuditRecord, Outcome, record_event
from db.session import LedgerUnavailable, LedgerUnsafe, ValueNotHeld, transaction
from web.access.audit import event_of
from web.access.guard import (
    ForeignRequest,
    NotAllowed,
    NotFromProxy,
    SignInNeeded,
    TokenRefused,
    UnaskedProxy,
    Visitor,
)
from web.access.next_page import FIRST_PAGE, sign_in_address
from web.access.scopes import ScopeMissing
from web.pages import render
from web.problems import problem

log = structlog.get_logger(__name__)
_NAME = re.compile(r"[a-z_0-9]{1,30}", re.ASCII)
_PLAIN_ERRORS = frozenset(
    {
        *("missing", "extra_forbidden", "enum", "literal_error", "string_pattern_mismatch"),
        *("string_too_long", "string_type", "int_parsing", "int_type", "float_parsing"),
        *("greater_than_equal", "less_than_equal", "too_long", "timezone_aware", "no_moment"),
    }
)


def answer_refusals(app: FastAPI) -> None:
    for refusal, answer in _ANSWERS.items():
        app.add_exception_handler(refusal, answer)


def answer_refusal(request: Request, refusal: Exception) -> Response:
    """For what is refused before the router, where no handler of the application hears of it."""
    return _ANSWERS[type(refusal)](request, refusal)


def _ledger_away(request: Request, trouble: Exception) -> Response:
    log.warning("ledger_unavailable", error=str(trouble))
    return _say(request, 503, "ledger_away", "the ledger does not answer")


def _sign_in(request: Request, _refusal: Exception) -> Response:
    """Pages are led to sign in, and back; what a script asks for leads its page there."""
    if "HX-Request" in request.headers:
        address = sign_in_address(request.headers.get("HX-Current-URL", FIRST_PAGE))
        return problem(401, "sign in", headers={"HX-Redirect": address})
    if _is_program(request):
        return _token_refused(request, SignInNeeded())
    path = request.scope["path"] if request.method == "GET" else FIRST_PAGE
    return RedirectResponse(sign_in_address(path), 303)


def _token_refused(request: Request, refusal: Exception) -> Response:
    is_shown = isinstance(refusal, TokenRefused)
    if is_shown:
        log.warning("token_refused", address=request.state.address)
        request.app.state.audit_tally.note(_refused_token(request.state.address))
    invalid = ' error="invalid_token"' if is_shown else ""
    headers = {"WWW-Authenticate": f"Bearer{invalid}"}
    return problem(401, "sign in, or show a token", headers=headers)


def _refused_token(address: str) -> AuditRecord:
    return AuditRecord(
        "unknown", PEER, Action.TOKEN_REFUSED, address, Outcome.REFUSED, detail="page"
    )


def _not_allowed(request: Request, refusal: Exception) -> Response:
    _note_refusal(request, f"needs the role {refusal}")
    return _say(request, 403, "not_allowed", f"this is for the role {refusal}", needed=str(refusal))


def _scope_missing(request: Request, refusal: Exception) -> Response:
    _note_refusal(request, f"needs the scope {refusal}")
    return problem(403, f"the token has no scope {refusal}")


def _foreign(request: Request, refusal: Exception) -> Response:
    log.warning("foreign_request_refused", reason=str(refusal))
    return _say(request, 403, "foreign", str(refusal))


def _not_from_proxy(_request: Request, _refusal: Exception) -> Response:
    log.warning("request_past_proxy_refused")
    return problem(403, "this page is reached by its proxy alone")


def _unasked_proxy(_request: Request, _refusal: Exception) -> Response:
    log.error("request_by_proxy_refused")
    return problem(403, "a proxy leads here, and nobody is asked who they are: set web_login")


def _plainly(request: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, HTTPException)
    if _is_program(request):
        return problem(refusal.status_code, refusal.detail, headers=refusal.headers)
    return _say(request, refusal.status_code, "plain", refusal.detail, detail=refusal.detail)


def _not_understood(request: Request, refusal: Exception) -> Response:
    """What was sent is not repeated: it may name a patient."""
    assert isinstance(refusal, RequestValidationError)
    sentence = "The request lacks something, or says what is not understood."
    if not _is_program(request):
        return _say(request, 422, "plain", sentence, detail=sentence)
    errors = [
        {"where": ".".join(_place(error["loc"])), "message": _message(error)}
        for error in refusal.errors()
    ]
    return problem(422, sentence, errors=errors)


def _not_held(request: Request, _refusal: Exception) -> Response:
    sentence = "The request asks about a number or text that nothing here can have."
    return _say(request, 422, "plain", sentence, detail=sentence)


def _unforeseen(_request: Request, error: Exception) -> Response:
    log.error("request_failed", error=type(error).__name__)
    return problem(500, "Something went wrong in the node, and its log says so.")


def _place(location: Sequence[str | int]) -> list[str]:
    """Names of parameters; whatever else stands there was sent."""
    return [str(one) if _NAME.fullmatch(str(one)) else "…" for one in location]


def _message(error: Mapping[str, Any]) -> str:
    """pydantic's own words, unless they may quote."""
    return str(error["msg"]) if error["type"] in _PLAIN_ERRORS else "this is not understood"


def _say(request: Request, status: int, page: str, sentence: str, **values: str) -> Response:
    if _is_program(request):
        return problem(status, sentence)
    visitor: Visitor | None = getattr(request.state, "visitor", None)
    return render(request, visitor, f"errors/{page}.html", status, code=status, **values)


def _is_program(request: Request) -> bool:
    """Also a script of a page: it reads what it is told."""
    return (
        request.url.path.startswith("/api/")
        or request.headers.get("sec-fetch-dest") == "empty"
        or request.headers.get("authorization", "").lower().startswith("bearer ")
    )


def _note_refusal(request: Request, why: str) -> None:
    state = request.state
    visitor: Visitor | None = getattr(state, "bearer", None) or getattr(state, "visitor", None)
    if visitor is None:
        return
    event = event_of(
        visitor,
        Action.ACCESS_REFUSED,
        study_instance_uid=request.path_params.get("study_instance_uid"),
        detail=f"{request.method} {_template_of(request)}: {why}",
    )
    try:
        with transaction(request.app.state.window.ledger) as session:
            record_event(session, replace(event, outcome=Outcome.REFUSED))
    except (LedgerUnavailable, LedgerUnsafe) as trouble:
        log.warning("refusal_not_noted", error=str(trouble))


def _template_of(request: Request) -> str:
    """The address without its values."""
    route = request.scope.get("route")
    return getattr(route, "path", "")


_ANSWERS: dict[type[Exception], Callable[[Request, Exception], Response]] = {
    LedgerUnavailable: _ledger_away,
    LedgerUnsafe: _ledger_away,
    ValueNotHeld: _not_held,
    SignInNeeded: _sign_in,
    TokenRefused: _token_refused,
    NotAllowed: _not_allowed,
    ScopeMissing: _scope_missing,
    ForeignRequest: _foreign,
    NotFromProxy: _not_from_proxy,
    UnaskedProxy: _unasked_proxy,
    HTTPException: _plainly,
    RequestValidationError: _not_understood,
    Exception: _unforeseen,
}
