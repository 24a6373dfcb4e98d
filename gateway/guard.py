"""Who may come in: whoever shows the token (RFC 6750)."""

import hmac

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from db.audit import PEER, Action, AuditRecord, Outcome
from db.audit_tally import AuditTally

_SCHEME = "bearer "


class TokenGuard:
    """Answers 401 to every request without the token, before anything of it is read.

    How many those are is counted for the audit trail.
    """

    def __init__(self, app: ASGIApp, token: str, open_path: str, tally: AuditTally) -> None:
        self._app = app
        self._tally = tally
        self._token = token.encode()
        self._open_path = open_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._admits(scope):
            await self._app(scope, receive, send)
            return
        self._tally.note(_refused(scope))
        refusal = PlainTextResponse(
            "a bearer token is needed here\n", 401, headers={"WWW-Authenticate": "Bearer"}
        )
        await refusal(scope, receive, send)

    def _admits(self, scope: Scope) -> bool:
        if scope["path"] == self._open_path:
            return True
        shown = Headers(scope=scope).get("authorization", "")
        if not shown.lower().startswith(_SCHEME):
            return False
        return hmac.compare_digest(shown[len(_SCHEME) :].strip().encode(), self._token)


def _refused(scope: Scope) -> AuditRecord:
    address = scope["client"][0] if scope.get("client") else ""
    return AuditRecord(
        "unknown", PEER, Action.TOKEN_REFUSED, address, Outcome.REFUSED, detail="gateway"
    )
