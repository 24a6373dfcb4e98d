"""What every answer forbids a browser: foreign content, frames, keeping what names a patient."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
# A browser that has been here by TLS never comes without.
_ENCRYPTED = {"Strict-Transport-Security": "max-age=31536000"}


def safe_headers(is_encrypted: bool) -> dict[str, str]:
    return _HEADERS | {"Cache-Control": "no-store"} | (_ENCRYPTED if is_encrypted else {})


class SafeHeaders:
    """Adds them as the answer begins; unlike BaseHTTPMiddleware it lets endless answers pass.

    It stands around the whole application: what nobody foresaw is answered outside its middleware.
    """

    def __init__(self, app: ASGIApp, is_encrypted: bool = False) -> None:
        self._app = app
        self._headers = safe_headers(is_encrypted)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                kept = headers.get("Cache-Control")
                headers.update(self._headers)
                if kept is not None:
                    headers["Cache-Control"] = kept
            await send(message)

        await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)
