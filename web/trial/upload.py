"""A file that comes as the body of a request: bounded, in memory alone, and few at a time.

No form with parts: their reader would spool a file to disk, and would be told its name.
"""

import asyncio
from collections.abc import AsyncIterator
from threading import BoundedSemaphore
from typing import Annotated

from fastapi import Depends, HTTPException, Request

from web.access.guard import Reader

MAX_FILE_BYTES = 64 << 20
HEAD_MAX_BYTES = 4096
_AT_ONCE = BoundedSemaphore(4)
_SECONDS = 120
_BUSY = "Other images are being tried at this moment. Try again in a few seconds."
_TOO_LARGE = f"The file is larger than {MAX_FILE_BYTES >> 20} MiB."
_TOO_SLOW = f"The file did not come to its end within {_SECONDS} seconds."


def busy() -> HTTPException:
    return HTTPException(503, _BUSY, headers={"Retry-After": "5"})


async def uploaded(request: Request, _visitor: Reader) -> AsyncIterator[bytes]:
    """The body; HTTPException where it is too large, too slow, or one too many at a time."""
    if not _AT_ONCE.acquire(blocking=False):
        raise busy()
    try:
        yield await _read(request, MAX_FILE_BYTES + HEAD_MAX_BYTES)
    finally:
        _AT_ONCE.release()


Uploaded = Annotated[bytes, Depends(uploaded)]


def require_file_size(encoded: bytes) -> None:
    if len(encoded) > MAX_FILE_BYTES:
        raise HTTPException(413, _TOO_LARGE)


async def _read(request: Request, max_bytes: int) -> bytes:
    """What is announced may be less than what comes, and is often not announced at all."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > max_bytes:
        raise HTTPException(413, _TOO_LARGE)
    body = bytearray()
    try:
        async with asyncio.timeout(_SECONDS):
            async for piece in request.stream():
                body += piece
                if len(body) > max_bytes:
                    raise HTTPException(413, _TOO_LARGE)
    except TimeoutError as error:
        raise HTTPException(408, _TOO_SLOW) from error
    return bytes(body)
