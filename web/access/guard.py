"""Who a request comes from, and whether they may do what they ask."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from db.states import Role

_RANKS = (Role.VIEWER, Role.READER, Role.ADMINISTRATOR)


class SignInNeeded(Exception):
    """Nobody is signed in, or was idle for too long: the browser is sent to sign in."""


class NotAllowed(Exception):
    """The account may not do this; the message says which role may."""


class TokenRefused(Exception):
    """The API token is unknown, revoked or has run out, or its account is disabled."""


class ForeignRequest(Exception):
    """It would change something, and does not prove to come from a page of ours; it says why."""


class NotFromProxy(Exception):
    """The page is behind a proxy, and this request came past it."""


class UnaskedProxy(Exception):
    """Nobody is asked who they are, and a proxy brings requests of other machines."""


@dataclass(frozen=True)
class Visitor:
    """Who is looking; `csrf_token` goes with each request of theirs that changes something.

    `user_id` is None where nobody is asked who they are. A program that shows an API token has
    the token's `scopes` and no CSRF token; `token_label` says which token it was.
    """

    name: str
    role: Role
    address: str
    csrf_token: str
    user_id: int | None = None
    token_label: str = ""
    scopes: frozenset[str] = frozenset()

    def may(self, role: Role) -> bool:
        """Whether they have this role or one that may do more."""
        return _RANKS.index(self.role) >= _RANKS.index(role)


def visitor_of(request: Request) -> Visitor:
    """Whom the door let in; raises SignInNeeded, also for a token where tokens open nothing."""
    visitor: Visitor | None = getattr(request.state, "visitor", None)
    if visitor is None:
        raise SignInNeeded
    return visitor


class _AtLeast:
    """A dependency: the visitor, who has this role or one that may do more."""

    def __init__(self, role: Role) -> None:
        self._role = role

    def __call__(self, visitor: Annotated[Visitor, Depends(visitor_of)]) -> Visitor:
        if not visitor.may(self._role):
            raise NotAllowed(self._role)
        return visitor


Viewer = Annotated[Visitor, Depends(_AtLeast(Role.VIEWER))]
Reader = Annotated[Visitor, Depends(_AtLeast(Role.READER))]
Administrator = Annotated[Visitor, Depends(_AtLeast(Role.ADMINISTRATOR))]
