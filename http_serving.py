"""What every door over HTTP is served by: a socket of our own, a quiet server, no traces."""

import asyncio
import ipaddress
import signal
import socket
import ssl
from functools import partial
from pathlib import Path
from typing import Any

import h11
import uvicorn
from fastapi.telemetry import TelemetryConfig
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

# FastAPI would send traces to wherever the environment says: nothing leaves the hospital.
NO_TELEMETRY: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}


REQUEST_HEAD_SECONDS = 30
# Until the peer has taken what is buffered for it, some 64 KiB: 2 KB/s are enough.
RESPONSE_PAUSE_SECONDS = 30
# What a request's body has to bring in that time, or its end, unless we let the peer wait.
BODY_PIECE_SECONDS = 30
BODY_PIECE_BYTES = 16 << 10
CONNECTIONS_AT_MOST = 512
# Many people may share one address, a terminal server's.
CONNECTIONS_PER_ADDRESS = 256
_NO_CONNECTION_LEFT = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n"
    b"Connection: close\r\nContent-Length: 0\r\n\r\n"
)


class Connections:
    """Those of one server, in the order of their coming: there are only so many.

    A newcomer takes the place of the one that has been without a request for longest; where all
    have one, it is turned away.
    """

    def __init__(self, at_most: int, of_one_address: int) -> None:
        self._at_most = at_most
        self._of_one_address = of_one_address
        self._present: dict[PunctualProtocol, None] = {}

    def enter(self, newcomer: "PunctualProtocol") -> None:
        self._present[newcomer] = None
        neighbours = [one for one in self._present if one.address == newcomer.address]
        crowd = neighbours if len(neighbours) > self._of_one_address else list(self._present)
        if len(crowd) > (self._of_one_address if crowd is neighbours else self._at_most):
            leaving = next(one for one in crowd if one.is_idle)
            del self._present[leaving]
            leaving.turn_away(is_new=leaving is newcomer)

    def leave(self, connection: "PunctualProtocol") -> None:
        self._present.pop(connection, None)


class PunctualProtocol(H11Protocol):
    """Closes a connection whose next request does not begin or go on, or whose peer does not read.

    uvicorn waits for the head of a request for ever, whoever sends it byte by byte, or not at all,
    for its body, and for whoever does not take the response: who has no token could take all the
    connections that there are.
    """

    _deadline: asyncio.TimerHandle | None = None
    _reading_deadline: asyncio.TimerHandle | None = None
    _body_deadline: asyncio.TimerHandle | None = None
    _body_bytes = 0

    def __init__(self, *args: Any, others: Connections, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._others = others

    @property
    def address(self) -> str:
        return self.client[0] if self.client else ""

    @property
    def is_idle(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]
        self._await_request()
        self._others.enter(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._others.leave(self)
        self._call_off()
        if self._body_deadline is not None:
            self._body_deadline.cancel()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._body_bytes += len(data)
        if self._body_deadline is None and self.conn.their_state is h11.SEND_BODY:
            self._await_body()

    def _await_body(self) -> None:
        self._body_bytes = 0
        self._body_deadline = self.loop.call_later(BODY_PIECE_SECONDS, self._close_unless_more)

    def _close_unless_more(self) -> None:
        self._body_deadline = None
        if self.conn.their_state is not h11.SEND_BODY:
            return
        if self._body_bytes >= BODY_PIECE_BYTES or self.flow.read_paused:
            self._await_body()
        else:
            self.transport.abort()

    def turn_away(self, *, is_new: bool) -> None:
        if is_new:
            self.transport.write(_NO_CONNECTION_LEFT)
            self.transport.close()
        else:
            self.transport.abort()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._reading_deadline = self.loop.call_later(RESPONSE_PAUSE_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._reading_deadline is not None:
            self._reading_deadline.cancel()

    def timeout_keep_alive_handler(self) -> None:
        """Closing waits until the peer has read: one that does not read is waited for no longer."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        super().timeout_keep_alive_handler()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._await_request()

    def _await_request(self) -> None:
        self._call_off()
        self._deadline = self.loop.call_later(
            REQUEST_HEAD_SECONDS, self._close_unless_begun, self.cycle
        )

    def _call_off(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()

    def _close_unless_begun(self, last: Any) -> None:
        if self.cycle is last and (last is None or last.response_complete):
            self.transport.abort()


def listen_at(address: str, port: int) -> socket.socket:
    """A socket that listens there; raises OSError if it is taken."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.create_server((address, port), family=family)


def tls_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """To serve by TLS 1.2 or 1.3; raises OSError where the PEM files are none of each other's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key, password="")  # else it would ask the terminal
    return context


def build_server(
    app: ASGIApp,
    last_requests_seconds: int,
    tls: ssl.SSLContext | None = None,
    *,
    behind_proxy: bool = False,
) -> uvicorn.Server:
    """Without an access log: query strings may carry patients' names.

    `behind_proxy`: everybody comes from one address.
    """
    of_one_address = CONNECTIONS_AT_MOST if behind_proxy else CONNECTIONS_PER_ADDRESS
    others = Connections(CONNECTIONS_AT_MOST, of_one_address)
    config = uvicorn.Config(
        app,
        http=partial(PunctualProtocol, others=others),  # type: ignore[arg-type]
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=last_requests_seconds,
        ssl_context_factory=(lambda *_: tls) if tls else None,
    )
    return uvicorn.Server(config)


def run_until_stopped(server: uvicorn.Server, listening: socket.socket) -> None:
    """Blocks until SIGTERM or SIGINT, and the last requests are answered.

    uvicorn repeats the signal that stopped it: unheard, it would kill the process then.
    """

    def stop(*_: object) -> None:
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    server.run(sockets=[listening])


def is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
