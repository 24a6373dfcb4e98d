"""Telling every open page that the worklist changed, within a second and without asking."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from sqlalchemy.exc import DBAPIError

from db.session import LedgerUnavailable, LedgerUnsafe, ValueNotHeld, reading
from db.worklist import has_stale_entries
from db.worklist_refresh import refresh_worklist, worklist_version
from web.window import Window

log = structlog.get_logger(__name__)
_LOOK_SECONDS = 1.0
# A proxy may close a connection on which nothing is said for a minute.
_SILENCE_SECONDS = 20.0
_AWAY = -1


class Bulletin:
    """The worklist's version, and those who wait for another one."""

    def __init__(self) -> None:
        self.version = 0
        self._changed = asyncio.Event()

    def announce(self, version: int) -> None:
        if version != self.version:
            self.version = version
            self._changed.set()
            self._changed = asyncio.Event()

    async def wait_for_other(self, seen: int, seconds: float) -> int:
        """The version as soon as it is another than the one seen, or after so many seconds."""
        if self.version == seen:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), seconds)
        return self.version


@asynccontextmanager
async def live_updates(app: FastAPI, window: Window) -> AsyncIterator[None]:
    """Keep the worklist's entries current as long as the application runs."""
    app.state.bulletin = Bulletin()
    keeper = asyncio.create_task(_keep_current(app.state.bulletin, window))
    try:
        yield
    finally:
        keeper.cancel()
        with suppress(asyncio.CancelledError):
            await keeper


async def stream(request: Request, seconds: float) -> StreamingResponse:
    """Server-sent events for at most so long; the browser then asks anew, and is known anew."""
    return StreamingResponse(
        _events(request.app.state.bulletin, seconds),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )


async def _events(bulletin: Bulletin, seconds: float) -> AsyncIterator[str]:
    ends_at = asyncio.get_running_loop().time() + seconds
    seen = bulletin.version
    yield f"retry: 2000\nevent: worklist\ndata: {seen}\n\n"
    while (left := ends_at - asyncio.get_running_loop().time()) > 0:
        version = await bulletin.wait_for_other(seen, min(_SILENCE_SECONDS, left))
        if version == seen:
            yield ": still here\n\n"
        else:
            yield f"event: worklist\ndata: {version}\n\n"
        seen = version


async def _keep_current(bulletin: Bulletin, window: Window) -> None:
    while True:
        version, is_behind = await asyncio.to_thread(_bring_up_to_date, window)
        bulletin.announce(version)
        # While there is more to do, in between others get their turn at the ledger.
        await asyncio.sleep(0.05 if is_behind else _LOOK_SECONDS)


def _bring_up_to_date(window: Window) -> tuple[int, bool]:
    try:
        refresh_worklist(window.ledger)
        with reading(window.ledger) as session:
            return worklist_version(session), has_stale_entries(session)
    except (LedgerUnavailable, LedgerUnsafe) as trouble:
        log.warning("worklist_not_current", error=str(trouble))
        return _AWAY, False
    except (ValueNotHeld, DBAPIError) as trouble:
        # Its text may quote a patient. Whatever it is, the next look may go better: without one
        # every page would stay as it is until the window is started again.
        log.error("worklist_not_current", error=type(trouble).__name__)
        return _AWAY, False
