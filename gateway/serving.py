"""Serving the gateway until the process is told to stop."""

import socket

import structlog
from fastapi import FastAPI

from gateway.app import GatewayPlan
from http_serving import build_server, is_loopback, listen_at, run_until_stopped

log = structlog.get_logger(__name__)
LAST_REQUESTS_SECONDS = 10


class TokenNeeded(Exception):
    """Other machines may come here only with a token."""


def bind(plan: GatewayPlan) -> socket.socket:
    """A socket that listens at the plan's address; raises TokenNeeded, or OSError if taken."""
    if plan.token is None and not is_loopback(plan.bind_address):
        raise TokenNeeded(
            f"{plan.bind_address} would let other machines in unasked; set gateway_token, or a "
            "loopback address such as 127.0.0.1"
        )
    return listen_at(plan.bind_address, plan.port)


def serve(app: FastAPI, listening: socket.socket) -> None:
    """Blocks until SIGTERM or SIGINT, and the last requests are answered."""
    log.info("gateway_serving", address="{}:{}".format(*listening.getsockname()[:2]))
    run_until_stopped(build_server(app, LAST_REQUESTS_SECONDS), listening)
