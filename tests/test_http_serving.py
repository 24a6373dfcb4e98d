"""What every door over HTTP bears: peers that do not read, and more than there is room for."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest
from fastapi import FastAPI, Response

import http_serving
from http_serving import NO_TELEMETRY, build_server, listen_at
from tests.waiting import wait_for

REQUEST = b"GET /%s HTTP/1.1\r\nHost: n\r\n\r\n"


@contextmanager
def serving(*, behind_proxy: bool = False) -> Iterator[tuple[str, int]]:
    """An application with a small answer, one too large for any buffer, and one that takes long."""
    app, release = FastAPI(telemetry=NO_TELEMETRY), threading.Event()

    @app.get("/small")
    def small() -> str:
        return "small"

    @app.get("/large")
    def large() -> Response:
        return Response(bytes(50_000_000))

    @app.get("/long")
    def long() -> str:
        release.wait(20)
        return "at last"

    server = build_server(app, 1, behind_proxy=behind_proxy)
    with listen_at("127.0.0.1", 0) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            wait_for(lambda: server.started, "the server", 30)
            yield listening.getsockname()
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
    with serving() as place, connect(place) as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.sendall(REQUEST % b"large")
        time.sleep(1.5)
        deaf.settimeout(10)
        taken = 0
        with suppress(ConnectionResetError):
            while piece := deaf.recv(1 << 20):
                taken += len(piece)
        assert taken < 50_000_000
        assert ask(place).startswith(b"HTTP/1.1 200")


def test_a_newcomer_takes_the_place_of_whom_asks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_serving, "CONNECTIONS_PER_ADDRESS", 3)
    with serving() as place, ExitStack() as stack:
        idle = [stack.enter_context(connect(place)) for _ in range(3)]
        time.sleep(0.2)
        assert ask(place).startswith(b"HTTP/1.1 200")
        assert is_cut_off(idle[0])
        idle[2].sendall(REQUEST % b"small")
        assert idle[2].recv(1000).startswith(b"HTTP/1.1 200")


def test_where_all_are_busy_a_newcomer_is_told_so_and_another_address_is_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_serving, "CONNECTIONS_PER_ADDRESS", 2)
    with serving() as place, ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(connect(place)).sendall(REQUEST % b"long")
        time.sleep(0.5)
        with connect(place) as newcomer:
            assert newcomer.recv(1000).startswith(b"HTTP/1.1 503")
        assert ask(place, "127.0.0.2").startswith(b"HTTP/1.1 200")


def test_behind_a_proxy_one_address_is_everybodys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_serving, "CONNECTIONS_PER_ADDRESS", 1)
    monkeypatch.setattr(http_serving, "CONNECTIONS_AT_MOST", 3)
    with serving(behind_proxy=True) as place, ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(connect(place)).sendall(REQUEST % b"long")
        time.sleep(0.3)
        assert ask(place).startswith(b"HTTP/1.1 200")
