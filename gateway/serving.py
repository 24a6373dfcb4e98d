"""Serving the gateway until the process is told to stop."""

import ipaddress
import signal
import socket

import structlog
import uvicorn
from fastapi import FastAPI

from gateway.app import GatewayPlan

log = structlog.get_logger(__name__)
_LAST_REQUESTS_SECONDS = 10


class TokenNeeded(Exception):
    """Other machines may come here only with a token."""


def bind(plan: GatewayPlan) -> socket.socket:
    """A socket that listens at the plan's address; raises TokenNeeded, or OSError if taken."""
    if plan.token is None and not _is_loopback(plan.bind_address):
        raise TokenNeeded(
            f"{plan.bind_address} would let other machines in unasked; set gateway_token, or a "
            "loopback address such as 127.0.0.1"
        )
    family = socket.AF_INET6 if ":" in plan.bind_address else socket.AF_INET
    return socket.create_server((plan.bind_address, plan.port), family=family)


def serve(app: FastAPI, listening: socket.socket) -> None:
    """Blocks until SIGTERM or SIGINT, and the last requests are answered."""
    log.info("gateway_serving", address="{}:{}".format(*listening.getsockname()[:2]))
    server = build_server(app)
    _stop_on_signals(server)
    server.run(sockets=[listening])


def build_server(app: FastAPI) -> uvicorn.Server:
    """Without an access log: query strings carry patients' names."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_LAST_REQUESTS_SECONDS,
    )
    return uvicorn.Server(config)


def _stop_on_signals(server: uvicorn.Server) -> None:
    """uvicorn repeats the signal that stopped it: unheard, it would kill the process then."""

    def stop(*_: object) -> None:
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
