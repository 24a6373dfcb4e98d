"""What an account, a person and a token may be called."""

import re

from web.words import N_

_ACCOUNT_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,63}")
# These stand for nobody's account in the audit trail.
_RESERVED = frozenset({"local", "unknown", "gateway"})
_MOST_CHARACTERS = 100
_NO_NAME = N_("An account's name has 1 to 64 letters a–z, digits, and . _ @ + - after the first.")
_NOBODYS = N_("No account may be called so: the audit trail means nobody by that name.")
_NO_LABEL = N_("It is called by one line of at most 100 characters.")


class NameRefused(Exception):
    """It cannot be called so; the message says what a name is made of."""


def account_name(written: str) -> str:
    """As accounts are kept, in lower case; raises NameRefused."""
    name = written.strip().lower()
    if not _ACCOUNT_NAME.fullmatch(name):
        raise NameRefused(_NO_NAME)
    if name in _RESERVED:
        raise NameRefused(_NOBODYS)
    return name


def label(written: str) -> str:
    """A full name, or what a token is called: one line; raises NameRefused."""
    text = " ".join(written.split())
    if len(text) > _MOST_CHARACTERS or not text.isprintable():
        raise NameRefused(_NO_LABEL)
    return text
