"""Serving the page on an address of this machine alone, until the process is told to stop."""

import socket

import structlog
import uvicorn

from http_serving import build_server, is_loopback, listen_at
from web.app import create_app
from web.plan import WebPlan

log = structlog.get_logger(__name__)
_LAST_REQUESTS_SECONDS = 3


class ExposedAddress(Exception):
    """The page asks nobody who they are, so it is shown to this machine alone."""


def bind(plan: WebPlan) -> socket.socket:
    """A socket that listens at the plan's address; raises ExposedAddress, or OSError if taken."""
    if not is_loopback(plan.bind_address):
        raise ExposedAddress(
            f"{plan.bind_address} would show the page to other machines, and it asks nobody who "
            "they are; set a loopback address, such as 127.0.0.1"
        )
    return listen_at(plan.bind_address, plan.port)


def serve(plan: WebPlan, listening: socket.socket) -> None:
    """Blocks until SIGTERM or SIGINT."""
    app = create_app(plan)
    app.state.window.decoder.start_ahead()
    log.info("web_serving", address=address_of(listening))
    build_server(app, _LAST_REQUESTS_SECONDS).run(sockets=[listening])


def page_server(plan: WebPlan) -> uvicorn.Server:
    return build_server(create_app(plan), _LAST_REQUESTS_SECONDS)


def address_of(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
