"""Passwords: which are taken, how they are kept, and that comparing them costs others little."""

import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from web.words import N_

LEAST_CHARACTERS = 12
MOST_CHARACTERS = 1024
_TOO_SHORT = N_("A password has at least 12 characters.")
_TOO_LONG = N_("A password has at most 1024 characters.")
_THE_NAME = N_("A password is not the account's name, nor that repeated.")
# Each takes 64 MiB and a core for a moment (RFC 9106, "low memory": argon2id, t=3, p=4).
_AT_ONCE = 2
_WAITING = 8
_HASHER = PasswordHasher()
# What a password is compared with where there is none: it takes as long, and is never right.
_NOBODYS = (
    "$argon2id$v=19$m=65536,t=3,p=4$b1UOf76Mqu52X0HN35kDog$"
    "tdrmoR2QcsKMMRvKNBbel2qM9KcDX1eyGTZ1jl97/SE"  # pragma: allowlist secret
)


class PasswordRefused(Exception):
    """The password is not good enough; the message says what one needs."""


class TooManyAtOnce(Exception):
    """More passwords are being compared than the node has room for: try again in a moment."""


_working, _waiting = BoundedSemaphore(_AT_ONCE), BoundedSemaphore(_WAITING)


def check_password(password: str, name: str) -> None:
    """Raises PasswordRefused for one that is too short, too long, or the account's name."""
    if len(password) < LEAST_CHARACTERS:
        raise PasswordRefused(_TOO_SHORT)
    if len(password) > MOST_CHARACTERS:
        raise PasswordRefused(_TOO_LONG)
    if not password.casefold().replace(name.casefold(), "").strip():
        raise PasswordRefused(_THE_NAME)


def hash_password(password: str) -> str:
    """argon2id by RFC 9106; raises TooManyAtOnce."""
    with room_to_compare():
        return _HASHER.hash(_normal(password))


@contextmanager
def room_to_compare() -> Iterator[Callable[[str, str | None], bool]]:
    """Gives what says whether a password is that of a hash; raises TooManyAtOnce.

    It takes as long where there is no hash to compare with.
    """
    if not _waiting.acquire(blocking=False):
        raise TooManyAtOnce
    try:
        with _working:
            yield _is_password
    finally:
        _waiting.release()


def needs_rehash(password_hash: str) -> bool:
    """Whether it was made with other parameters than are used now."""
    return _HASHER.check_needs_rehash(password_hash)


def _is_password(password: str, password_hash: str | None) -> bool:
    try:
        _HASHER.verify(password_hash or _NOBODYS, _normal(password))
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


def _normal(password: str) -> str:
    # Keyboards write the same letter in several ways.
    return unicodedata.normalize("NFKC", password[: MOST_CHARACTERS + 1])
