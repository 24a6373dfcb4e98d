"""Accounts, as an administrator runs them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel
from sqlalchemy.orm import Session

from db.accounts import (
    NewAccount,
    NoSuchAccount,
    account_named,
    add_account,
    list_accounts,
    set_active,
    set_password_hash,
    set_role,
)
from db.audit import Action, record_event
from db.session import reading, transaction
from db.states import Role
from web.access.audit import event_of
from web.access.guard import Administrator, Visitor
from web.access.names import account_name, label
from web.access.reception import Reception
from web.access.refused_changes import Unchanged, hash_new_password, refusals_told
from web.access.sign_in_page import InReception
from web.pages import render
from web.words import N_

router = APIRouter(prefix="/users")
ROLES = {
    Role.VIEWER: N_("viewer: looks"),
    Role.READER: N_("reader: also gives verdicts and tries images"),
    Role.ADMINISTRATOR: N_("administrator: also runs the node and its accounts"),
}
_SAID = {
    "added": N_("The account is made."),
    "changed": N_("The account is changed; whoever was signed in by it is signed out."),
}


class TypedPassword(BaseModel):
    password: str = ""
    again: str = ""


class TypedAccount(TypedPassword):
    name: str = ""
    full_name: str = ""
    role: Role = Role.VIEWER


@dataclass(frozen=True)
class Asking:
    """An administrator's request."""

    request: Request
    reception: Reception
    visitor: Visitor


def _asking(request: Request, reception: InReception, visitor: Administrator) -> Asking:
    return Asking(request, reception, visitor)


Asked = Annotated[Asking, Depends(_asking)]


@router.get("")
def users(asking: Asked, done: str = "") -> HTMLResponse:
    return _page(asking, said=_SAID.get(done, ""))


@router.post("")
def add(asking: Asked, typed: Annotated[TypedAccount, Form()]) -> Response:
    def change() -> tuple[str, Callable[[Session], str]]:
        name, full_name = account_name(typed.name), label(typed.full_name)
        password_hash = hash_new_password(name, typed.password, typed.again)
        new = NewAccount(name, typed.role, full_name, password_hash)
        return "added", lambda session: _add(session, new)

    return _answer(asking, change)


@router.post("/{name}/role")
def change_role(asking: Asked, name: str, role: Annotated[Role, Form()]) -> Response:
    def change(session: Session) -> str:
        account = account_named(session, name)
        set_role(session, account, role)
        return f"{name}: role {account.role}, now {role}"

    return _answer(asking, lambda: ("changed", change))


@router.post("/{name}/active")
def change_activity(asking: Asked, name: str, active: Annotated[bool, Form()]) -> Response:
    def change(session: Session) -> str:
        set_active(session, account_named(session, name), active)
        return f"{name}: {'enabled' if active else 'disabled'}"

    return _answer(asking, lambda: ("changed", change))


@router.post("/{name}/password")
def change_password(asking: Asked, name: str, typed: Annotated[TypedPassword, Form()]) -> Response:
    def change() -> tuple[str, Callable[[Session], str]]:
        password_hash = hash_new_password(name, typed.password, typed.again)
        return "changed", lambda session: _set_password(session, name, password_hash)

    return _answer(asking, change)


def _answer(
    asking: Asking, prepare: Callable[[], tuple[str, Callable[[Session], str]]]
) -> Response:
    """What is prepared is done, and written down with it; or the page says why not."""
    try:
        with refusals_told():
            done, change = prepare()
            with transaction(asking.reception.window.ledger) as session:
                event = event_of(asking.visitor, Action.ACCOUNT_CHANGED, detail=change(session))
                record_event(session, event)
    except Unchanged as refusal:
        return _page(asking, wrong=str(refusal))
    return RedirectResponse(f"/users?done={done}", 303)


def _add(session: Session, new: NewAccount) -> str:
    add_account(session, new)
    return f"{new.name}: added as {new.role}"


def _set_password(session: Session, name: str, password_hash: str) -> str:
    account = account_named(session, name)
    if account.oidc_subject is not None:
        raise NoSuchAccount(name)  # of those that have a password
    set_password_hash(session, account.id, password_hash)
    return f"{name}: password set"


def _page(asking: Asking, *, said: str = "", wrong: str = "") -> HTMLResponse:
    with reading(asking.reception.window.ledger) as session:
        accounts = list_accounts(session)
    return render(
        asking.request,
        asking.visitor,
        "access/users.html",
        400 if wrong else 200,
        accounts=accounts,
        roles=ROLES,
        said=said,
        wrong=wrong,
        taken_at=datetime.now(UTC),
    )
