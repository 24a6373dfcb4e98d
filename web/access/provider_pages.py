"""Signing in at the hospital's provider: out to it, and back with what it says."""

from dataclasses import asdict, replace
from hashlib import sha256

import structlog
from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from db.accounts import (
    Account,
    NameTaken,
    NewAccount,
    account_named,
    account_of_subject,
    add_account,
    follow_provider,
)
from db.audit import Action, AuditRecord, Outcome, record_event
from db.session import transaction
from db.user_sessions import end_session, open_session
from web.access.attempts import AddressBlocked
from web.access.names import NameRefused, account_name, label
from web.access.next_page import safe_next
from web.access.provider import (
    FLOW_SECONDS,
    Flow,
    Person,
    Provider,
    ProviderRefused,
    ProviderUnavailable,
)
from web.access.reception import Reception
from web.access.refused_changes import BLOCKED
from web.access.sign_in_page import InReception, give_session
from web.access.tokens import kept, new_session_token, sealed, unsealed
from web.pages import render
from web.words import N_

router = APIRouter(prefix="/oidc")
log = structlog.get_logger(__name__)
_COOKIE = "osteon_oidc"
_UNAVAILABLE = N_(
    "The hospital's sign-in does not answer. Try again, or use an account of this node."
)
_REFUSED = N_("You are not let in by the hospital's sign-in; an administrator can see why.")


@router.get("/start")
def start(request: Request, reception: InReception, next: str = "") -> Response:
    provider = _provider(reception)
    try:
        address, flow = provider.begin(
            _redirect_uri(request, reception),
            safe_next(next),
            kept(reception.session_token(request)),
        )
    except (ProviderUnavailable, ProviderRefused) as trouble:
        return _unavailable(request, trouble)
    response = RedirectResponse(address, 303)
    # Lax: the way back begins at the provider, from where nothing strict comes along.
    response.set_cookie(
        _COOKIE,
        sealed(asdict(flow), reception.seal, FLOW_SECONDS),
        max_age=FLOW_SECONDS,
        path="/oidc",
        httponly=True,
        samesite="lax",
        secure=reception.plan.is_encrypted,
    )
    return response


@router.get("/callback")
def callback(request: Request, reception: InReception) -> Response:
    provider = _provider(reception)
    kept_flow = unsealed(request.cookies.get(_COOKIE, ""), reception.seal)
    address, response = request.state.address, Response()
    if kept_flow is None:
        return _not_begun(request)
    try:
        reception.failures.begin(address)
        flow = Flow(**kept_flow)
        answered = dict(request.query_params)
        person = provider.finish(flow, answered, _redirect_uri(request, reception))
        token = _sign_in(reception, person, address, flow.session_before)
        reception.failures.succeeded(address)
    except AddressBlocked:
        response = render(request, None, "access/provider_says.html", 429, said=BLOCKED)
    except ProviderUnavailable as trouble:
        reception.failures.succeeded(address)  # that was not theirs
        response = _unavailable(request, trouble)
    except ProviderRefused as refusal:
        response = _refused(request, reception, str(refusal))
    else:
        # A page of ours that goes on by itself: a redirect would count as the provider's, and the
        # browser would keep the strict cookie back.
        response = render(request, None, "access/signed_in.html", next_page=flow.next_page)
        give_session(response, reception, token)
    response.delete_cookie(_COOKIE, path="/oidc")
    return response


def _provider(reception: Reception) -> Provider:
    if reception.provider is None:
        raise HTTPException(404, "no provider is set")
    return reception.provider


def _redirect_uri(request: Request, reception: Reception) -> str:
    """By the name the browser has reached us by, which is one of those that are set."""
    scheme = "https" if reception.plan.is_encrypted else "http"
    return f"{scheme}://{request.headers['host']}/oidc/callback"


def _sign_in(reception: Reception, person: Person, address: str, session_before: str) -> str:
    """The new session's token; raises ProviderRefused where the account is not to be used."""
    token = new_session_token()
    with transaction(reception.window.ledger) as session:
        account = account_of_subject(session, person.subject) or _added(session, person)
        if not account.is_active:
            raise ProviderRefused(f"the account {account.name} is disabled")
        follow_provider(session, account, _full_name(person), person.role)
        end_session(session, session_before)
        open_session(session, account.id, kept(token), reception.plan.session_limits)
        event = AuditRecord(account.name, person.role, Action.SIGN_IN, address)
        record_event(session, replace(event, detail="by the provider"))
    return token


def _added(session: Session, person: Person) -> Account:
    """A new account; one of this node is not taken over by a name that is the same."""
    name = _name(person)
    new = NewAccount(name, person.role, _full_name(person), oidc_subject=person.subject)
    try:
        add_account(session, new)
    except NameTaken as taken:
        raise ProviderRefused(f"there is another account {taken}") from taken
    return account_named(session, name)


def _name(person: Person) -> str:
    try:
        return account_name(person.name)
    except NameRefused:
        return f"oidc-{sha256(person.subject.encode()).hexdigest()[:12]}"


def _full_name(person: Person) -> str:
    try:
        return label(person.full_name)
    except NameRefused:
        return ""


def _not_begun(request: Request) -> Response:
    """Any other site's page can have its readers ask this: it counts against nobody."""
    log.warning("provider_answer_unasked")
    return render(request, None, "access/provider_says.html", 403, said=_REFUSED)


def _unavailable(request: Request, trouble: Exception) -> Response:
    log.warning("provider_unavailable", error=str(trouble))
    return render(request, None, "access/provider_says.html", 503, said=_UNAVAILABLE)


def _refused(request: Request, reception: Reception, why: str) -> Response:
    event = AuditRecord(
        actor="unknown",
        role="",
        action=Action.SIGN_IN,
        address=request.state.address,
        outcome=Outcome.REFUSED,
        detail=f"by the provider: {why}",
    )
    with transaction(reception.window.ledger) as session:
        record_event(session, event)
    return render(request, None, "access/provider_says.html", 403, said=_REFUSED)
