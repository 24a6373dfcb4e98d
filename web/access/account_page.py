"""A person's own account: their password, where they are signed in, their API tokens."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel

from db.accounts import account_named, set_password_hash
from db.api_tokens import NewToken, add_token, list_tokens, revoke_token
from db.audit import Action, record_event
from db.session import reading, transaction
from db.user_sessions import end_sessions_of, list_sessions, open_session
from web.access.audit import event_of
from web.access.guard import Viewer, Visitor
from web.access.names import label
from web.access.reception import Reception
from web.access.refused_changes import Unchanged, hash_new_password, refusals_told
from web.access.scopes import SCOPES, Scope
from web.access.sign_in_page import InReception, give_session
from web.access.signing_in import Credentials, compare
from web.access.tokens import kept, new_api_token, new_session_token
from web.pages import render
from web.words import N_

router = APIRouter(prefix="/account")
DAYS = {30: N_("30 days"), 90: N_("90 days"), 365: N_("a year"), 0: N_("until revoked")}
_SAID = {
    "password": N_("Your password is changed. You are signed out everywhere else."),
    "sessions": N_("You are signed out everywhere else."),
    "revoked": N_("The token is revoked."),
}
_WRONG_PASSWORD = N_("The present password is not right. Five failures lock the account.")
_TOKEN_UNCLEAR = N_("A token needs a name and at least one thing it may do.")


@dataclass(frozen=True)
class Owner:
    """Somebody with an account; where nobody is asked who they are, nobody has one."""

    user_id: int
    visitor: Visitor


def _owner(visitor: Viewer) -> Owner:
    if visitor.user_id is None:
        raise HTTPException(404, "there are no accounts where nobody signs in")
    return Owner(visitor.user_id, visitor)


Own = Annotated[Owner, Depends(_owner)]


class TypedPasswords(BaseModel):
    present: str = ""
    new: str = ""
    again: str = ""


class TypedToken(BaseModel):
    label: str = ""
    scopes: list[str] = []
    days: int = 90


@router.get("")
def account(
    request: Request, reception: InReception, visitor: Viewer, done: str = ""
) -> HTMLResponse:
    if visitor.user_id is None:
        return render(request, visitor, "access/nobody_asked.html")
    return _page(request, reception, Owner(visitor.user_id, visitor), said=_SAID.get(done, ""))


@router.get("/session")
def session_goes_on(_visitor: Viewer) -> Response:
    """For a page that asks by itself; where it has ended, the door has answered 401."""
    return Response(status_code=204)


@router.post("/password")
def change_password(
    request: Request, reception: InReception, own: Own, typed: Annotated[TypedPasswords, Form()]
) -> Response:
    """All their sessions end, the one that asks goes on as a new one."""
    try:
        token = _change_password(reception, own.visitor, typed)
    except Unchanged as refusal:
        return _page(request, reception, own, wrong=str(refusal))
    response = RedirectResponse("/account?done=password", 303)
    give_session(response, reception, token)
    return response


@router.post("/sessions/end")
def end_other_sessions(request: Request, reception: InReception, own: Own) -> Response:
    this = kept(reception.session_token(request))
    with transaction(reception.window.ledger) as session:
        end_sessions_of(session, own.user_id, except_token=this)
        event = event_of(own.visitor, Action.ACCOUNT_CHANGED, detail="signed out everywhere else")
        record_event(session, event)
    return RedirectResponse("/account?done=sessions", 303)


@router.post("/tokens")
def make_token(
    request: Request, reception: InReception, own: Own, typed: Annotated[TypedToken, Form()]
) -> HTMLResponse:
    """The page shows the token this once: the ledger keeps its hash alone."""
    try:
        new = _new_token(own, typed)
    except Unchanged as refusal:
        return _page(request, reception, own, wrong=str(refusal))
    token = new_api_token()
    detail = f"{new.label}: {' '.join(new.scopes)}, {f'{new.days} days' if new.days else 'no end'}"
    with transaction(reception.window.ledger) as session:
        add_token(session, new, kept(token))
        record_event(session, event_of(own.visitor, Action.TOKEN_MADE, detail=detail))
    return _page(request, reception, own, token=token)


@router.post("/tokens/{token_id}/revoke")
def revoke(reception: InReception, own: Own, token_id: int) -> Response:
    with transaction(reception.window.ledger) as session:
        revoked = revoke_token(session, own.user_id, token_id)
        if revoked is None:
            raise HTTPException(404, "you have no such token")
        record_event(session, event_of(own.visitor, Action.TOKEN_REVOKED, detail=revoked))
    return RedirectResponse("/account?done=revoked", 303)


def _change_password(reception: Reception, visitor: Visitor, typed: TypedPasswords) -> str:
    """The new session's token; raises Unchanged."""
    with refusals_told():
        password_hash = hash_new_password(visitor.name, typed.new, typed.again)
        attempt = compare(reception, Credentials(visitor.name, typed.present, visitor.address))
    if attempt is None:
        raise Unchanged(_WRONG_PASSWORD)
    token = new_session_token()
    with transaction(reception.window.ledger) as session:
        set_password_hash(session, attempt.user_id, password_hash)
        open_session(session, attempt.user_id, kept(token), reception.plan.session_limits)
        event = event_of(visitor, Action.ACCOUNT_CHANGED, detail="changed the password")
        record_event(session, event)
    return token


def _new_token(own: Owner, typed: TypedToken) -> NewToken:
    """Of the scopes those that the account's role may have; raises Unchanged."""
    with refusals_told():
        name = label(typed.label)
    allowed = _scopes_for(own.visitor)
    scopes = tuple(scope for scope in allowed if scope in typed.scopes)
    if not name or not scopes or len(scopes) != len(set(typed.scopes)) or typed.days not in DAYS:
        raise Unchanged(_TOKEN_UNCLEAR)
    return NewToken(own.user_id, name, scopes, typed.days or None)


def _scopes_for(visitor: Visitor) -> dict[Scope, str]:
    return {scope: text for scope, (text, role) in SCOPES.items() if visitor.may(role)}


def _page(
    request: Request, reception: Reception, own: Owner, *, wrong: str = "", **shown: str
) -> HTMLResponse:
    with reading(reception.window.ledger) as session:
        account = account_named(session, own.visitor.name)
        sessions = list_sessions(session, own.user_id, reception.plan.session_limits)
        tokens = list_tokens(session, own.user_id)
    return render(
        request,
        own.visitor,
        "access/account.html",
        400 if wrong else 200,
        account=account,
        sessions=sessions,
        tokens=tokens,
        scopes=_scopes_for(own.visitor),
        days=DAYS,
        wrong=wrong,
        taken_at=datetime.now(UTC),
        **({"said": "", "token": ""} | shown),
    )
