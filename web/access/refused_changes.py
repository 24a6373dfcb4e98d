"""Why an account is not changed, in sentences for the page that asked."""

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import HTTPException

from db.accounts import LastAdministrator, NameTaken, NoSuchAccount
from web.access.attempts import AddressBlocked
from web.access.names import NameRefused
from web.access.passwords import PasswordRefused, TooManyAtOnce, check_password, hash_password
from web.words import N_

BLOCKED = N_("Too many sign-ins failed from this address. Try again in 15 minutes.")
BUSY = N_("Too many passwords are being compared at this moment. Try again.")
_NOT_THE_SAME = N_("The password was typed differently the second time.")
_LAST = N_("Nobody else is an administrator: make another one first.")
_TAKEN = N_("Another account has this name.")
_SENTENCES: dict[type[Exception], str] = {
    AddressBlocked: BLOCKED,
    TooManyAtOnce: BUSY,
    LastAdministrator: _LAST,
    NameTaken: _TAKEN,
}


class Unchanged(Exception):
    """Nothing was changed; the message says why, to be translated."""


@contextmanager
def refusals_told() -> Iterator[None]:
    """Raises Unchanged with a sentence, or answers 404 for an account that is not there."""
    try:
        yield
    except (NameRefused, PasswordRefused) as refusal:
        raise Unchanged(str(refusal)) from refusal
    except NoSuchAccount as refusal:
        raise HTTPException(404, "there is no such account") from refusal
    except tuple(_SENTENCES) as refusal:
        raise Unchanged(_SENTENCES[type(refusal)]) from refusal


def hash_new_password(name: str, password: str, again: str) -> str:
    """The hash of a password that is good enough and was typed twice alike."""
    if password != again:
        raise Unchanged(_NOT_THE_SAME)
    check_password(password, name)
    return hash_password(password)
