"""Random tokens: what is given to a browser or a program, and what is kept of it."""

import hmac
import secrets
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
