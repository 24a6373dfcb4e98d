"""What every door over HTTP bears: peers that do not read, and more than there is room for."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import pytest
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

import http_serving
from http_serving import NO_TELEMETRY, build_server, listen_at
from tests.waiting import wait_for

pytestmark = pytest.mark.requirement("R-DOOR-1")

REQUEST = b"GET /%s HTTP/1.1\r\nHost: n\r\n\r\n"


@dataclass
class Served:
    """A server in a thread of the tests, and where it is."""

    server: uvicorn.Server
    place: tuple[str, int]

    def has_connections(self, count: int) -> None:
        present = self.server.server_state.connections
        wait_for(lambda: len(present) == count, f"{count} connections", 20)


@contextmanager
def serving(*, behind_proxy: bool = False) -> Iterator[Served]:
    """An application with a small answer, one too large for any buffer, and one that takes long."""
    app, release = FastAPI(telemetry=NO_TELEMETRY), threading.Event()

    @app.get("/small")
    def small() -> str:
        return "small"

    @app.get("/large")
    def large() -> StreamingResponse:
        return StreamingResponse(bytes(50_000) for _ in range(1000))

    @app.get("/long")
    def long() -> str:
        release.wait(20)
        return "at last"

    @app.post("/upload")
    async def upload(request: Request) -> int:
        return len(await request.body())

    server = build_server(app, 1, behind_proxy=behind_proxy)
    with listen_at("127.0.0.1", 0) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            wait_for(lambda: server.started, "the server", 30)
            yield Served(server, listening.getsockname())
        finally:
            release.set()
            server.should_exit = True
            thread.join(30)


def connect(place: tuple[str, int], source: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection(place, 10, (source, 0))


def ask(place: tuple[str, int], source: str = "127.0.0.1") -> bytes:
    with connect(place, source) as client:
        client.sendall(REQUEST % b"small")
        return client.recv(1000)


def is_cut_off(client: socket.socket) -> bool:
    try:
        return client.recv(1000) == b""
    except ConnectionResetError:
        return True


def test_who_does_not_read_the_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_serving, "RESPONSE_PAUSE_SECONDS", 0.3)
    with serving() as served, connect(served.place) as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        served.has_connections(1)
        deaf.sendall(REQUEST % b"large")
        served.has_connections(0)
        assert ask(served.place).startswith(b"HTTP/1.1 200")


def test_who_does_not_go_on_with_a_body_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_serving, "BODY_PIECE_SECONDS", 0.3)
    with serving() as served, connect(served.place) as silent:
        silent.sendall(_upload(100_000))
        served.has_connections(1)
        silent.sendall(bytes(http_serving.BODY_PIECE_BYTES - 1))
        assert is_cut_off(silent)
        assert ask(served.place).startswith(b"HTTP/1.1 200")


def test_who_goes_on_with_a_body_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_serving, "BODY_PIECE_SECONDS", 0.3)
    with serving() as served, connect(served.place) as slow:
        slow.sendall(_upload(8 * http_serving.BODY_PIECE_BYTES))
        for _ in range(8):
            slow.sendall(bytes(http_serving.BODY_PIECE_BYTES))
            time.sleep(0.15)
        assert slow.recv(1000).startswith(b"HTTP/1.1 200")


def _upload(body_bytes: int) -> bytes:
    return b"POST /upload HTTP/1.1\r\nHost: n\r\nContent-Length: %d\r\n\r\n" % body_bytes


def test_a_newcomer_takes_the_place_of_whom_asks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_serving, "CONNECTIONS_PER_ADDRESS", 3)
    with serving() as served, ExitStack() as stack:
        idle = [stack.enter_context(connect(served.place)) for _ in range(3)]
        served.has_connections(3)
        assert ask(served.place).startswith(b"HTTP/1.1 200")
        assert is_cut_off(idle[0])
        idle[2].sendall(REQUEST % b"small")
        assert idle[2].recv(1000).startswith(b"HTTP/1.1 200")


def test_where_all_are_busy_a_newcomer_is_told_so_and_another_address_is_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_serving, "CONNECTIONS_PER_ADDRESS", 2)
    with serving() as served, ExitStack() as stack:
        _keep_busy(served, stack)
        with connect(served.place) as newcomer:
            assert newcomer.recv(1000).startswith(b"HTTP/1.1 503")
        assert ask(served.place, "127.0.0.2").startswith(b"HTTP/1.1 200")


def test_behind_a_proxy_one_address_is_everybodys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_serving, "CONNECTIONS_PER_ADDRESS", 1)
    monkeypatch.setattr(http_serving, "CONNECTIONS_AT_MOST", 3)
    with serving(behind_proxy=True) as served, ExitStack() as stack:
        _keep_busy(served, stack)
        assert ask(served.place).startswith(b"HTTP/1.1 200")


def _keep_busy(served: Served, stack: ExitStack) -> None:
    """Two connections from one address, each with a request that takes long."""
    for _ in range(2):
        stack.enter_context(connect(served.place)).sendall(REQUEST % b"long")
    present = served.server.server_state.connections
    wait_for(
        lambda: len(present) == 2 and not any(one.is_idle for one in list(present)),  # type: ignore[union-attr]
        "two requests under way",
        20,
    )
