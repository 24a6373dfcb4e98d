"""What a program may do with an API token; a signed-in browser may use the same addresses.

@router.get("/api/v1/results")
def results(window: InWindow, visitor: ReadsResults) -> …
"""

from enum import StrEnum
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPBearer

from db.states import Role
from web.access.guard import NotAllowed, Visitor, visitor_of
from web.words import N_


class Scope(StrEnum):
    """What a token is good for; it never does more than its account's role may."""

    RESULTS_READ = "results:read"
    STUDIES_READ = "studies:read"
    VERDICTS_WRITE = "verdicts:write"
    OPERATIONS_READ = "operations:read"
    OPERATIONS_WRITE = "operations:write"


# In words, and the least role whose account may have such a token.
SCOPES = {
    Scope.RESULTS_READ: (N_("read results"), Role.VIEWER),
    Scope.STUDIES_READ: (N_("read studies, images and reports"), Role.VIEWER),
    Scope.VERDICTS_WRITE: (N_("give verdicts"), Role.READER),
    Scope.OPERATIONS_READ: (N_("see how the node runs"), Role.ADMINISTRATOR),
    Scope.OPERATIONS_WRITE: (N_("requeue jobs, ask peers, test the node"), Role.ADMINISTRATOR),
}
# Says in OpenAPI how a token is shown; who shows one is known before.
_SHOWN = HTTPBearer(auto_error=False, description="An API token: ost_…")


class ScopeMissing(Exception):
    """The token is good, and not for this; the message names the scope that is."""


class Scoped:
    """A dependency: who comes with a token of this scope, or is signed in; of this role at least.

    An unsafe request of a browser needs its CSRF token, as everywhere; one with an API token none.
    """

    def __init__(self, scope: Scope | str, role: Role) -> None:
        self._scope = Scope(scope)
        self._role = role

    def __call__(
        self, request: Request, _token: Annotated[object, Depends(_SHOWN)] = None
    ) -> Visitor:
        bearer: Visitor | None = getattr(request.state, "bearer", None)
        if bearer is not None and self._scope not in bearer.scopes:
            raise ScopeMissing(self._scope)
        visitor = bearer or visitor_of(request)
        if not visitor.may(self._role):
            raise NotAllowed(self._role)
        return visitor


ReadsResults = Annotated[Visitor, Depends(Scoped(Scope.RESULTS_READ, Role.VIEWER))]
ReadsStudies = Annotated[Visitor, Depends(Scoped(Scope.STUDIES_READ, Role.VIEWER))]
WritesVerdicts = Annotated[Visitor, Depends(Scoped(Scope.VERDICTS_WRITE, Role.READER))]
ReadsOperations = Annotated[Visitor, Depends(Scoped(Scope.OPERATIONS_READ, Role.ADMINISTRATOR))]
WritesOperations = Annotated[Visitor, Depends(Scoped(Scope.OPERATIONS_WRITE, Role.ADMINISTRATOR))]
