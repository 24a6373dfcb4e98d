"""How the API answers: with a strong ETag for whoever has the same already, and never kept."""

from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, HTTPException, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.types import Message

from web.access.guard import Visitor, visitor_of

MAX_BODY_BYTES = 64 * 1024
_JSON = "application/json"


def answer(
    request: Request,
    content: BaseModel | bytes,
    *,
    media_type: str = _JSON,
    following: str | None = None,
) -> Response:
    """The document, or 304 for whoever names its ETag; `following` is where the next page is."""
    body = content if isinstance(content, bytes) else content.model_dump_json().encode()
    etag = f'"{sha256(body).hexdigest()[:32]}"'
    # One resource has several forms: a cache must not give one for another.
    headers = {"ETag": etag, "Vary": "Accept"}
    if following:
        headers["Link"] = f'<{following}>; rel="next"'
    if _has(request, etag):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)


def next_page(request: Request, after: str | None) -> str | None:
    """The address of this request with another place in the order; None where there is no more."""
    if after is None:
        return None
    kept = [pair for pair in request.query_params.multi_items() if pair[0] != "after"]
    return f"{request.url.path}?{urlencode([*kept, ('after', after)])}"


class ShortBodyRoute(APIRoute):
    """Reads no more than 64 kB of a request, whatever length it announces."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        handle = super().get_route_handler()

        async def handle_short(request: Request) -> Response:
            return await handle(Request(request.scope, _counted(request)))

        return handle_short


def known(request: Request) -> Visitor:
    """Whoever is signed in or shows an API token, of whatever scope."""
    bearer: Visitor | None = getattr(request.state, "bearer", None)
    return bearer or visitor_of(request)


Known = Annotated[Visitor, Depends(known)]


def _counted(request: Request) -> Callable[[], Awaitable[Message]]:
    left = MAX_BODY_BYTES

    async def receive() -> Message:
        nonlocal left
        message = await request.receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise HTTPException(413, "the body is longer than 64 kB")
        return message

    return receive


def _has(request: Request, etag: str) -> bool:
    named: Any = request.headers.get("if-none-match", "")
    return any(one.strip().removeprefix("W/") in (etag, "*") for one in named.split(","))
