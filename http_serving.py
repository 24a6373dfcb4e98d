"""What every door over HTTP is served by: a socket of our own, a quiet server, no traces."""

import ipaddress
import socket

import uvicorn
from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig

# FastAPI would send traces to wherever the environment says: nothing leaves the hospital.
NO_TELEMETRY: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}


def listen_at(address: str, port: int) -> socket.socket:
    """A socket that listens there; raises OSError if it is taken."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.create_server((address, port), family=family)


def build_server(app: FastAPI, last_requests_seconds: int) -> uvicorn.Server:
    """Without an access log: query strings may carry patients' names."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=last_requests_seconds,
    )
    return uvicorn.Server(config)


def is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
