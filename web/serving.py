"""Serving the page on an address of this machine alone, until the process is told to stop."""

import ipaddress
import socket

import structlog
import uvicorn

from web.app import WebPlan, create_app

log = structlog.get_logger(__name__)
_LAST_REQUESTS_SECONDS = 3


class ExposedAddress(Exception):
    """The page asks nobody who they are, so it is shown to this machine alone."""


def bind(plan: WebPlan) -> socket.socket:
    """A socket that listens at the plan's address; raises ExposedAddress, or OSError if taken."""
    if not _is_loopback(plan.bind_address):
        raise ExposedAddress(
            f"{plan.bind_address} would show the page to other machines, and it asks nobody who "
            "they are; set a loopback address, such as 127.0.0.1"
        )
    family = socket.AF_INET6 if ":" in plan.bind_address else socket.AF_INET
    return socket.create_server((plan.bind_address, plan.port), family=family)


def serve(plan: WebPlan, listening: socket.socket) -> None:
    """Blocks until SIGTERM or SIGINT."""
    log.info("web_serving", address=address_of(listening))
    build_server(plan).run(sockets=[listening])


def build_server(plan: WebPlan) -> uvicorn.Server:
    config = uvicorn.Config(
        create_app(plan),
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_LAST_REQUESTS_SECONDS,
    )
    return uvicorn.Server(config)


def address_of(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
