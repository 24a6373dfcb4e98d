"""Serving the page, safely or not at all, until the process is told to stop."""

import socket

import structlog
import uvicorn

from http_serving import build_server, listen_at, run_until_stopped
from web.access.exposure import page_tls, refuse_unsafe
from web.app import create_app
from web.headers import SafeHeaders
from web.plan import WebPlan

log = structlog.get_logger(__name__)
_LAST_REQUESTS_SECONDS = 3


def bind(plan: WebPlan) -> socket.socket:
    """A socket that listens at the plan's address; raises UnsafeAccess, or OSError if taken."""
    refuse_unsafe(plan.bind_address, plan.access)
    return listen_at(plan.bind_address, plan.port)


def serve(plan: WebPlan, listening: socket.socket) -> None:
    """Blocks until SIGTERM or SIGINT."""
    log.info("web_serving", address=address_of(listening, plan))
    run_until_stopped(page_server(plan), listening)


def page_server(plan: WebPlan) -> uvicorn.Server:
    return build_server(
        SafeHeaders(create_app(plan), plan.access.is_encrypted),
        _LAST_REQUESTS_SECONDS,
        page_tls(plan.access),
        behind_proxy=plan.access.behind_proxy,
    )


def address_of(listening: socket.socket, plan: WebPlan) -> str:
    host, port = listening.getsockname()[:2]
    scheme = "https" if plan.access.certificate else "http"
    return f"{scheme}://[{host}]:{port}/" if ":" in host else f"{scheme}://{host}:{port}/"
