"""The one door before every room: who comes without a session gets no further than to sign in.

It stands before the router, so that no room can forget it: a new address is closed until somebody
is signed in, and changes nothing without the token of the page that asks for it.
"""

import asyncio
from urllib.parse import parse_qs

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from db.session import LedgerUnavailable, LedgerUnsafe
from web.access.guard import (
    ForeignRequest,
    NotFromProxy,
    SignInNeeded,
    TokenRefused,
    UnaskedProxy,
    Visitor,
)
from web.access.reception import Reception
from web.access.tokens import is_same
from web.refusals import answer_refusal

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_OPEN = frozenset({"/healthz", "/sign-in"})
_OPEN_FOLDERS = ("/static/", "/oidc/")
_FORM_MAX_BYTES = 256 * 1024
_FORM_SECONDS = 30
_FORM = "application/x-www-form-urlencoded"
_BEARER = "bearer "
_REFUSALS = (
    *(SignInNeeded, TokenRefused, NotFromProxy, UnaskedProxy, ForeignRequest),
    *(LedgerUnavailable, LedgerUnsafe),
)


class Door:
    """Says in the request's state who comes: `visitor`, or `bearer` with an API token."""

    def __init__(self, app: ASGIApp, reception: Reception) -> None:
        self._app = app
        self._reception = reception

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            receive = await self._admit(request)
        except _REFUSALS as refusal:
            answer = await run_in_threadpool(answer_refusal, request, refusal)
            await answer(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _admit(self, request: Request) -> Receive:
        """What the rooms receive the request's body by."""
        address = self._reception.address_of(request)
        request.state.address = address
        shown = request.headers.get("authorization", "")
        if shown.lower().startswith(_BEARER) and not _is_open(request):
            token = shown[len(_BEARER) :].strip()
            by_token = self._reception.visitor_by_token
            request.state.bearer = await run_in_threadpool(by_token, token, address)
            if request.method not in SAFE_METHODS and _is_form(request):
                return _again(await _read_form(request), request.receive)
            return request.receive
        request.state.visitor = await self._visitor(request, address)
        if request.method in SAFE_METHODS:
            _refuse_foreign_parts(request)
            return request.receive
        require_same_origin(request)
        return await _require_csrf_token(request)

    async def _visitor(self, request: Request, address: str) -> Visitor | None:
        """Raises SignInNeeded where there is none and the address is not open to everybody."""
        if request.scope["path"] != "/sign-in" and _is_open(request):
            return None
        by_session = self._reception.visitor_by_session
        visitor = await run_in_threadpool(by_session, request, address)
        if visitor is None and not _is_open(request):
            raise SignInNeeded
        return visitor


def require_same_origin(request: Request) -> None:
    """Raises ForeignRequest where the browser says that another site's page is asking.

    Our pages send no referrer, and so their forms say `Origin: null`: Sec-Fetch-Site knows better.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is not None:
        if site not in ("same-origin", "none"):
            raise ForeignRequest("it came from another site's page")
    elif origin is not None and origin.partition("://")[2] != request.headers.get("host"):
        raise ForeignRequest("it came from another site's page")


def _refuse_foreign_parts(request: Request) -> None:
    """Raises ForeignRequest where another site's page wants a picture or file of ours.

    A link from elsewhere may be followed; what it leads to is a page of its own.
    """
    site, mode = request.headers.get("sec-fetch-site"), request.headers.get("sec-fetch-mode")
    if site == "cross-site" and mode != "navigate" and not _is_open(request):
        raise ForeignRequest("it came from another site's page")


async def _require_csrf_token(request: Request) -> Receive:
    """Raises ForeignRequest; to sign in nobody has a token yet, and a form alone is taken."""
    visitor: Visitor | None = request.state.visitor
    shown = request.headers.get("x-csrf-token", "")
    receive = request.receive
    if not shown or _is_open(request) or _is_form(request):
        body = await _read_form(request)
        receive = _again(body, request.receive)
        shown = shown or parse_qs(body.decode("latin-1")).get("csrf_token", [""])[0]
    if _is_open(request):
        return receive
    if visitor is None or not is_same(shown, visitor.csrf_token):
        raise ForeignRequest("it lacks the token of the page that asks")
    return receive


def _is_form(request: Request) -> bool:
    """The router reads forms to their end, with parts onto the disk, before it asks who may."""
    kind = request.headers.get("content-type", "").lower()
    return _FORM in kind or "multipart/" in kind


async def _read_form(request: Request) -> bytes:
    """A short form's bytes; what is none must bring its token in the header X-CSRF-Token."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        is_odd = _is_form(request)
        raise ForeignRequest("it has parts" if is_odd else "it lacks the header X-CSRF-Token")
    body = bytearray()
    try:
        async with asyncio.timeout(_FORM_SECONDS):
            async for piece in request.stream():
                body += piece
                if len(body) > _FORM_MAX_BYTES:
                    raise ForeignRequest("the form is too long")
    except TimeoutError as error:
        raise ForeignRequest("the form did not come to its end") from error
    return bytes(body)


def _again(body: bytes, receive: Receive) -> Receive:
    """The body that was read already, for the room to read, and whatever comes after it."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return messages.pop() if messages else await receive()

    return receive_again


def _is_open(request: Request) -> bool:
    path: str = request.scope["path"]
    return path in _OPEN or path.startswith(_OPEN_FOLDERS)
