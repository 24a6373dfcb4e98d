"""The hospital's OpenID Connect provider: Authorization Code with PKCE, state and nonce.

What it answers is believed only signed by its own keys, for this node, and for this very sign-in.
"""

import ipaddress
import secrets
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from threading import BoundedSemaphore, Lock
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

import httpx

from db.states import Role
from web.access.tokens import base64url, is_same
from web.plan import OidcPlan

FLOW_SECONDS = 600
_ANSWER_SECONDS = 5.0
_ANSWER_MAX_BYTES = 1 << 20
_AT_ONCE = 4
_CLOCKS_DIFFER_SECONDS = 60
_CONFIGURATION_SECONDS = 300.0
_TROUBLE_SECONDS = 2.0
_TOO_MANY = "too many sign in at once"
# Asymmetric ones alone: no secret that the node knows may sign, and nothing goes unsigned.
_ALGORITHMS = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA"),
)
_SCOPES = "openid profile email"


class ProviderUnavailable(Exception):
    """The provider does not answer, or not as one: try again, or have its settings looked at."""


class ProviderRefused(Exception):
    """What came back proves nothing, or they may not come in here; the message says why."""


@dataclass(frozen=True)
class Flow:
    """One sign-in under way, kept by the browser in a signed cookie."""

    state: str
    nonce: str
    verifier: str
    next_page: str
    session_before: str  # as the ledger keeps it: the way back brings no cookie of it along


@dataclass(frozen=True)
class Person:
    """Whom the provider named."""

    subject: str  # issuer and subject: unique in the world
    name: str
    full_name: str
    role: Role


class _Known(NamedTuple):
    """What the provider said of itself, or why it did not, and until when that will do."""

    found: dict[str, Any] | None = None
    trouble: str = ""
    good_until: float = 0.0  # monotonic

    @property
    def is_old(self) -> bool:
        return time.monotonic() >= self.good_until


class _KeptConfiguration:
    """What the provider says of itself, or that it does not: anyone may begin to sign in.

    Without it, who has no account could have the node ask the provider as often as they like.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._room = BoundedSemaphore(_AT_ONCE)
        self._known = _Known()

    def get(self, ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Asks where what is known is too old, one at a time; raises ProviderUnavailable."""
        known = self._known
        if known.is_old:
            known = self._renewed(ask)
        if known.found is None:
            raise ProviderUnavailable(known.trouble)
        return known.found

    def _renewed(self, ask: Callable[[], dict[str, Any]]) -> _Known:
        """Few wait for a slow answer: with all of them the page would have no thread left."""
        if not self._room.acquire(blocking=False):
            raise ProviderUnavailable(_TOO_MANY)
        try:
            with self._lock:
                if self._known.is_old:
                    self._known = _asked(ask)
                return self._known
        finally:
            self._room.release()


def _asked(ask: Callable[[], dict[str, Any]]) -> _Known:
    try:
        return _Known(ask(), good_until=time.monotonic() + _CONFIGURATION_SECONDS)
    except ProviderUnavailable as trouble:
        return _Known(trouble=str(trouble), good_until=time.monotonic() + _TROUBLE_SECONDS)


class Provider:
    """As the plan names it; its addresses are asked for once in a while, its keys each time."""

    def __init__(self, plan: OidcPlan) -> None:
        self._plan = plan
        self._room = BoundedSemaphore(_AT_ONCE)
        self._kept = _KeptConfiguration()

    def begin(
        self, redirect_uri: str, next_page: str, session_before: str = ""
    ) -> tuple[str, Flow]:
        """Where to send the browser, and what to remember; raises ProviderUnavailable."""
        configuration = self._kept.get(self._ask_configuration)
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        flow = Flow(state, nonce, verifier, next_page, session_before)
        asked = {
            "response_type": "code",
            "client_id": self._plan.client_id,
            "redirect_uri": redirect_uri,
            "scope": _SCOPES,
            "state": flow.state,
            "nonce": flow.nonce,
            "code_challenge": base64url(sha256(flow.verifier.encode()).digest()),
            "code_challenge_method": "S256",
        }
        endpoint = _endpoint(configuration, "authorization_endpoint")
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}", flow

    def finish(self, flow: Flow, answered: Mapping[str, str], redirect_uri: str) -> Person:
        """Whom it names in answer to this flow; raises ProviderUnavailable or ProviderRefused."""
        if not is_same(answered.get("state", ""), flow.state):
            raise ProviderRefused("the answer is not to this sign-in")
        if answered.get("iss", self._plan.issuer) != self._plan.issuer:
            raise ProviderRefused("another provider answered")
        if not answered.get("code"):
            raise ProviderRefused("the provider gave no code")
        configuration = self._kept.get(self._ask_configuration)
        with self._asking() as client:
            tokens = self._redeem(client, configuration, answered["code"], flow, redirect_uri)
            keys = _answer(client, "GET", _endpoint(configuration, "jwks_uri"))
            claims = self._verified(str(tokens.get("id_token", "")), keys, flow.nonce)
            if not _groups(claims, self._plan.role_claim):
                claims |= _userinfo(client, configuration, tokens, claims["sub"])
        return self._person(claims)

    @contextmanager
    def _asking(self) -> Iterator[httpx.Client]:
        if not self._room.acquire(blocking=False):
            raise ProviderUnavailable(_TOO_MANY)
        try:
            # The system's own authorities, the hospital's among them; no proxy by a variable.
            trusted = ssl.create_default_context()
            timeout = httpx.Timeout(_ANSWER_SECONDS)
            with httpx.Client(verify=trusted, trust_env=False, timeout=timeout) as client:
                yield client
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ProviderUnavailable(type(error).__name__) from error
        finally:
            self._room.release()

    def _ask_configuration(self) -> dict[str, Any]:
        issuer = self._plan.issuer
        address = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
        with self._asking() as client:
            found = _answer(client, "GET", _safe(address))
        if found.get("issuer") != issuer:
            raise ProviderUnavailable("its issuer is not the one that is set, to the letter")
        return found

    def _redeem(
        self,
        client: httpx.Client,
        configuration: dict[str, Any],
        code: str,
        flow: Flow,
        redirect_uri: str,
    ) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": flow.verifier,
        }
        known = (self._plan.client_id, self._plan.client_secret)
        methods = configuration.get("token_endpoint_auth_methods_supported", [])
        endpoint = _endpoint(configuration, "token_endpoint")
        if "client_secret_post" in methods and "client_secret_basic" not in methods:
            form |= dict(zip(("client_id", "client_secret"), known, strict=True))
            return _answer(client, "POST", endpoint, data=form)
        # RFC 6749 2.3.1: written as in a form before they are joined.
        client_id, client_secret = (quote(one, safe="") for one in known)
        return _answer(client, "POST", endpoint, data=form, auth=(client_id, client_secret))

    def _verified(self, id_token: str, keys: dict[str, Any], nonce: str) -> dict[str, Any]:
        """The ID token's claims (OpenID Connect Core 3.1.3.7); raises ProviderRefused."""
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet
        from joserfc.jws import JWSRegistry

        wanted = jwt.JWTClaimsRegistry(
            leeway=_CLOCKS_DIFFER_SECONDS,
            iss={"essential": True, "value": self._plan.issuer},
            aud={"essential": True, "value": self._plan.client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
        )
        registry = JWSRegistry(algorithms=_ALGORITHMS, strict_check_header=False)
        try:
            key_set = KeySet.import_key_set(keys)  # type: ignore[arg-type]
            claims = jwt.decode(id_token, key_set, _ALGORITHMS, registry).claims
            wanted.validate(claims)
        except (JoseError, ValueError, KeyError, TypeError) as error:
            # The error's name alone: its words may hold what the token holds.
            raise ProviderRefused(f"the ID token is not good: {type(error).__name__}") from error
        self._refuse_others(claims, nonce)
        return claims

    def _refuse_others(self, claims: dict[str, Any], nonce: str) -> None:
        """What is good, and was meant for another sign-in or for another client too."""
        if not isinstance(claims.get("nonce"), str) or not is_same(claims["nonce"], nonce):
            raise ProviderRefused("the ID token is of another sign-in")
        audience, party = claims["aud"], claims.get("azp")
        if isinstance(audience, list) and len(audience) > 1 and party is None:
            raise ProviderRefused("the ID token is for others too")
        if party not in (None, self._plan.client_id):
            raise ProviderRefused("the ID token was given to another")

    def _person(self, claims: dict[str, Any]) -> Person:
        role = self._role(_groups(claims, self._plan.role_claim))
        if role is None:
            raise ProviderRefused("no group of theirs has a role here")
        name = claims.get("preferred_username") or claims.get("email") or claims["sub"]
        return Person(
            subject=f"{self._plan.issuer} {claims['sub']}",
            name=str(name),
            full_name=str(claims.get("name") or ""),
            role=role,
        )

    def _role(self, groups: frozenset[str]) -> Role | None:
        """The one that may do most."""
        plan = self._plan
        if groups & plan.administrators:
            return Role.ADMINISTRATOR
        if groups & plan.readers:
            return Role.READER
        return Role.VIEWER if groups & plan.viewers else None


def _groups(claims: Mapping[str, Any], claim: str) -> frozenset[str]:
    """The claim's words; `realm_access.roles` is looked for inside `realm_access` too."""
    found: Any = claims.get(claim)
    if found is None:
        found = claims
        for part in claim.split("."):
            found = found.get(part) if isinstance(found, dict) else None
    if isinstance(found, str):
        return frozenset({found})
    return frozenset(map(str, found)) if isinstance(found, list) else frozenset()


def _userinfo(
    client: httpx.Client, configuration: dict[str, Any], tokens: dict[str, Any], subject: str
) -> dict[str, Any]:
    """What the provider says of them beside the ID token; nothing where it says it of another."""
    if not configuration.get("userinfo_endpoint") or not tokens.get("access_token"):
        return {}
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    endpoint = _endpoint(configuration, "userinfo_endpoint")
    said = _answer(client, "GET", endpoint, headers=headers)
    return said if said.get("sub") == subject else {}


def _answer(client: httpx.Client, method: str, address: str, **asked: Any) -> dict[str, Any]:
    """A JSON object within time and size; raises ProviderUnavailable or ProviderRefused."""
    deadline, body = time.monotonic() + 2 * _ANSWER_SECONDS, bytearray()
    with client.stream(method, address, **asked) as response:
        for piece in response.iter_bytes():
            body += piece
            if len(body) > _ANSWER_MAX_BYTES or time.monotonic() > deadline:
                raise ProviderUnavailable("its answer does not end")
    if response.status_code != 200:
        kind = ProviderRefused if method == "POST" else ProviderUnavailable
        raise kind(f"the provider answers {response.status_code}")
    return _json_object(bytes(body))


def _json_object(body: bytes) -> dict[str, Any]:
    import json

    try:
        said = json.loads(body)
    except ValueError as error:
        raise ProviderUnavailable("its answer is no JSON") from error
    if not isinstance(said, dict):
        raise ProviderUnavailable("its answer is no JSON object")
    return said


def _endpoint(configuration: dict[str, Any], name: str) -> str:
    return _safe(str(configuration.get(name, "")))


def _safe(address: str) -> str:
    """The address if what goes there is encrypted, or stays on this machine."""
    parts = urlsplit(address)
    if parts.scheme == "https" or (parts.scheme == "http" and _is_here(parts.hostname or "")):
        return address
    raise ProviderUnavailable("it has an address that is not https")


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
