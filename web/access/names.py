"""What an account, a person and a token may be called."""

import re

_ACCOUNT_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,63}")
# These stand for nobody's account in the audit trail.
_RESERVED = frozenset({"local", "unknown", "gateway"})
_MOST_CHARACTERS = 100


class NameRefused(Exception):
    """It cannot be called so; the message says what a name is made of."""


def account_name(written: str) -> str:
    """As accounts are kept, in lower case; raises NameRefused."""
    name = written.strip().lower()
    if not _ACCOUNT_NAME.fullmatch(name):
        raise NameRefused(
            "an account's name has 1 to 64 letters a–z, digits, and . _ @ + - after the first"
        )
    if name in _RESERVED:
        raise NameRefused(f"no account may be called {name}: the audit trail means nobody by that")
    return name


def label(written: str) -> str:
    """A full name, or what a token is called: one line; raises NameRefused."""
    text = " ".join(written.split())
    if len(text) > _MOST_CHARACTERS or not text.isprintable():
        raise NameRefused(f"it is one line of at most {_MOST_CHARACTERS} characters")
    return text
