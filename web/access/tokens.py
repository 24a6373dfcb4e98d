"""Random tokens: what is given to a browser or a program, and what is kept of it."""

import base64
import hmac
import json
import secrets
import time
from hashlib import sha256

API_TOKEN_PREFIX = "ost_"  # noqa: S105 - no secret: it lets scanners of leaked secrets find them


def new_session_token() -> str:
    return secrets.token_urlsafe(32)


def new_api_token() -> str:
    return API_TOKEN_PREFIX + secrets.token_urlsafe(32)


def kept(token: str) -> str:
    """What the ledger has of a token of 256 random bits: its SHA-256, which leads nowhere back."""
    return sha256(token.encode()).hexdigest()


def csrf_token_of(session_token: str) -> str:
    """Bound to the session: no other session's is taken."""
    return hmac.new(session_token.encode(), b"osteon csrf", sha256).hexdigest()


def is_same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def sealed(values: dict[str, str], key: bytes, seconds: float) -> str:
    """What a browser keeps for us for so long, and cannot change; it could read it."""
    body = base64url(json.dumps([time.time() + seconds, values]).encode())
    return f"{body}.{_seal_of(body, key)}"


def unsealed(text: str, key: bytes) -> dict[str, str] | None:
    """None for what is not ours, or has run out."""
    body, _, seal = text.partition(".")
    if not is_same(seal, _seal_of(body, key)):
        return None
    padded = body + "=" * (-len(body) % 4)
    runs_out, values = json.loads(base64.urlsafe_b64decode(padded))
    return values if time.time() < runs_out else None


def _seal_of(body: str, key: bytes) -> str:
    return hmac.new(key, body.encode(), sha256).hexdigest()
