"""What every door over HTTP is served by: a socket of our own, a quiet server, no traces."""

import asyncio
import ipaddress
import signal
import socket
import ssl
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
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


class PunctualProtocol(H11Protocol):
    """Closes a connection whose next request does not begin in time.

    uvicorn waits for the head of a request for ever, whoever sends it byte by byte, or not at all:
    who has no token could take all the connections that there are.
    """

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]
        self._await_request()

    def connection_lost(self, exc: Exception | None) -> None:
        self._call_off()
        super().connection_lost(exc)

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
            self.transport.close()


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
    app: FastAPI, last_requests_seconds: int, tls: ssl.SSLContext | None = None
) -> uvicorn.Server:
    """Without an access log: query strings may carry patients' names."""
    config = uvicorn.Config(
        app,
        http=PunctualProtocol,
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
