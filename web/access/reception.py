"""Finding out who a request comes from: by its session, by its API token, or nobody is asked."""

import ipaddress
import secrets

from fastapi import Request

from db.api_tokens import find_bearer, mark_used
from db.session import reading, transaction
from db.states import Role
from db.user_sessions import SignedIn, find_session, mark_seen
from http_serving import is_loopback
from web.access.attempts import FailuresByAddress
from web.access.background import is_background
from web.access.guard import NotFromProxy, TokenRefused, UnaskedProxy, Visitor
from web.access.provider import Provider
from web.access.tokens import API_TOKEN_PREFIX, csrf_token_of, kept
from web.window import Window

_SESSION_COOKIE = "osteon_session"
# What a page hears of by itself, with nobody at it.
_LIVE_PATHS = frozenset({"/events"})


class Reception:
    """Made with the application."""

    def __init__(self, window: Window) -> None:
        self.window = window
        self.plan = window.plan.access
        self.failures = FailuresByAddress()
        self.provider = Provider(self.plan.oidc) if self.plan.oidc else None
        self.seal = secrets.token_bytes(32)
        self._local_csrf_token = secrets.token_urlsafe(32)

    @property
    def session_cookie(self) -> str:
        """Its name; by TLS one that no other host of the domain can set (RFC 6265bis 4.1.3.2)."""
        return f"__Host-{_SESSION_COOKIE}" if self.plan.is_encrypted else _SESSION_COOKIE

    def session_token(self, request: Request) -> str:
        """What the browser shows; empty where it shows none."""
        return request.cookies.get(self.session_cookie, "")

    def address_of(self, request: Request) -> str:
        """The browser's address; raises NotFromProxy or UnaskedProxy.

        A proxy adds the address it was called from at the end; what is before that anyone may
        have written.
        """
        peer = request.client.host if request.client else ""
        if not self.plan.login and _is_forwarded(request):
            raise UnaskedProxy
        if not self.plan.behind_proxy:
            return peer
        if not _is_within(peer, self.plan.proxy_address):
            if request.scope["path"] == "/healthz" and is_loopback(peer):
                return peer  # a container that looks after itself
            raise NotFromProxy
        # One proxy adds to the line, another adds a line: the end of the last one is its own.
        lines = request.headers.getlist("x-forwarded-for") or [""]
        forwarded = lines[-1].rpartition(",")[2].strip()
        return forwarded if _is_address(forwarded) else peer

    def visitor_by_session(self, request: Request, address: str) -> Visitor | None:
        """Whose session the cookie names; they count as seen unless the page asks by itself."""
        if not self.plan.login:
            return Visitor("local", Role.ADMINISTRATOR, address, self._local_csrf_token)
        token = self.session_token(request)
        if not token:
            return None
        with reading(self.window.ledger) as session:
            found = find_session(session, kept(token), self.plan.session_limits)
        if found is None:
            return None
        if found.is_seen_long_ago and not _asks_by_itself(request):
            with transaction(self.window.ledger) as session:
                mark_seen(session, found.session_id)
        return _visitor(found, address, csrf_token_of(token))

    def visitor_by_token(self, token: str, address: str) -> Visitor:
        """Raises TokenRefused."""
        if not token.startswith(API_TOKEN_PREFIX):
            raise TokenRefused
        with reading(self.window.ledger) as session:
            found = find_bearer(session, kept(token))
        if found is None:
            raise TokenRefused
        if found.is_used_long_ago:
            with transaction(self.window.ledger) as session:
                mark_used(session, found.token_id)
        return Visitor(
            found.name,
            found.role,
            address,
            csrf_token="",
            user_id=found.user_id,
            token_label=found.label,
            scopes=frozenset(found.scopes),
        )


def reception_of(request: Request) -> Reception:
    reception: Reception = request.app.state.reception
    return reception


def _visitor(found: SignedIn, address: str, csrf_token: str) -> Visitor:
    return Visitor(found.name, found.role, address, csrf_token, user_id=found.user_id)


def _asks_by_itself(request: Request) -> bool:
    return request.scope["path"] in _LIVE_PATHS or is_background(request)


def _is_forwarded(request: Request) -> bool:
    return any(name in request.headers for name in ("forwarded", "x-forwarded-for"))


def _is_within(address: str, network: str) -> bool:
    return _is_address(address) and ipaddress.ip_address(address) in ipaddress.ip_network(
        network, strict=False
    )


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
