"""The page to sign in at, and signing out."""

import asyncio
import time
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from db.accounts import has_administrator
from db.audit import Action, record_event
from db.session import reading, transaction
from db.user_sessions import end_session
from web.access.attempts import WINDOW_SECONDS, AddressBlocked
from web.access.audit import event_of
from web.access.guard import Viewer, Visitor
from web.access.next_page import FIRST_PAGE, safe_next
from web.access.passwords import TooManyAtOnce
from web.access.reception import Reception, reception_of
from web.access.refused_changes import BLOCKED, BUSY
from web.access.signing_in import Credentials, sign_in
from web.access.tokens import kept
from web.pages import render
from web.words import N_

router = APIRouter()
InReception = Annotated[Reception, Depends(reception_of)]
Typed = Annotated[str, Form()]

# One sentence for a name that is not known and a password that is not right: which, is not said.
_WRONG = N_(
    "Name and password do not belong together, or the account is locked or disabled. "
    "Five failures lock an account for 15 minutes."
)


@dataclass(frozen=True)
class Said:
    """What the page says of a sign-in that failed."""

    sentence: str = ""
    status: int = 200
    name: str = ""  # as it was typed


@router.get("/sign-in")
def sign_in_form(request: Request, reception: InReception, next: str = "") -> Response:
    visitor: Visitor | None = request.state.visitor
    if visitor is not None:
        return RedirectResponse(safe_next(next), 303)
    return _form(request, reception, next, Said())


@router.post("/sign-in")
async def sign_in_typed(
    request: Request,
    reception: InReception,
    name: Typed = "",
    password: Typed = "",
    next: Typed = "",
) -> Response:
    if not reception.plan.login:
        return RedirectResponse(FIRST_PAGE, 303)
    began = time.monotonic()
    typed = Credentials(name, password, request.state.address)
    old_token = reception.session_token(request)
    token, said = await run_in_threadpool(_try, reception, typed, old_token)
    if token is not None:
        response = RedirectResponse(safe_next(next), 303)
        give_session(response, reception, token)
        return response
    # However long the comparison took: an account that is not known is answered no sooner.
    await asyncio.sleep(max(0.0, began + reception.plan.refusal_seconds - time.monotonic()))
    return await run_in_threadpool(_form, request, reception, next, said)


@router.post("/sign-out")
def sign_out(request: Request, reception: InReception, visitor: Viewer) -> Response:
    with transaction(reception.window.ledger) as session:
        end_session(session, kept(reception.session_token(request)))
        record_event(session, event_of(visitor, Action.SIGN_OUT))
    response = RedirectResponse("/sign-in", 303)
    response.delete_cookie(
        reception.session_cookie, path="/", secure=reception.plan.is_encrypted, httponly=True
    )
    return response


def give_session(response: Response, reception: Reception, token: str) -> None:
    """For as long as the browser is open; no script may read it, no other site send it."""
    response.set_cookie(
        reception.session_cookie,
        token,
        path="/",
        httponly=True,
        samesite="strict",
        secure=reception.plan.is_encrypted,
    )


def _try(reception: Reception, typed: Credentials, old_token: str) -> tuple[str | None, Said]:
    """The new session's token, or what to say."""
    try:
        token = sign_in(reception, typed, old_token)
    except AddressBlocked:
        return None, Said(BLOCKED, 429, typed.name)
    except TooManyAtOnce:
        return None, Said(BUSY, 503, typed.name)
    return token, Said(_WRONG, 403, typed.name)


def _form(request: Request, reception: Reception, next_page: str, said: Said) -> HTMLResponse:
    with reading(reception.window.ledger) as session:
        can_sign_in = has_administrator(session)
    response = render(
        request,
        None,
        "access/sign_in.html",
        said.status,
        said=said.sentence,
        name=said.name,
        next_page=safe_next(next_page),
        can_sign_in=can_sign_in,
        has_provider=reception.plan.oidc is not None,
    )
    if said.status == 429:
        response.headers["Retry-After"] = f"{WINDOW_SECONDS:.0f}"
    return response
