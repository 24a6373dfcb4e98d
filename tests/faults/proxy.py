"""A TCP proxy that does what networks do: it delays, throttles, cuts, falls silent, and refuses."""

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any

_PIECE_BYTES = 4096


@dataclass
class Weather:
    """How the proxy treats what passes from now on, on open connections too.

    `cut_answer_after_bytes`: of what the server answers on a connection so many bytes pass, then
    both sides are cut off. `is_silent`: connections stay open, and nothing passes.
    """

    delay_seconds: float = 0
    bytes_per_second: int | None = None
    cut_answer_after_bytes: int | None = None
    is_silent: bool = False


class Proxy:
    """Stands before 127.0.0.1:`server_port`; `port` is its own, which stays the same."""

    def __init__(self, server_port: int) -> None:
        self.weather = Weather()
        self.port = 0
        self._server_port = server_port
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> "Proxy":
        self._thread.start()
        self.come()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.go_away()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def come(self) -> None:
        """Take connections, on the port that it had before."""
        self._do(self._listen())

    def go_away(self) -> None:
        """Cut all connections; whoever calls is refused."""
        self._do(self._close())

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there = await asyncio.open_connection("127.0.0.1", self._server_port)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, there[1]}
        await asyncio.gather(
            self._pass_on(reader, there[1]),
            self._pass_on(there[0], writer, is_answer=True),
        )

    async def _pass_on(
        self, source: asyncio.StreamReader, to: asyncio.StreamWriter, is_answer: bool = False
    ) -> None:
        passed_bytes = 0
        with suppress(OSError):
            while piece := await source.read(_PIECE_BYTES):
                await self._bear_the_weather(len(piece))
                limit = self.weather.cut_answer_after_bytes
                if is_answer and limit is not None and passed_bytes + len(piece) > limit:
                    to.write(piece[: max(0, limit - passed_bytes)])
                    break
                to.write(piece)
                await to.drain()
                passed_bytes += len(piece)
        self._writers.discard(to)
        to.close()

    async def _bear_the_weather(self, size_bytes: int) -> None:
        while self.weather.is_silent:
            await asyncio.sleep(0.05)
        await asyncio.sleep(self.weather.delay_seconds)
        if self.weather.bytes_per_second is not None:
            await asyncio.sleep(size_bytes / self.weather.bytes_per_second)

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)
