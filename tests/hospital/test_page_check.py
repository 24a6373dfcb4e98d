"""The page's health check: by TLS where the page has a certificate of its own."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from http_serving import tls_context
from tests.certificates import make_certificate
from tests.hospital.compose import BASE, services


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    return make_certificate(tmp_path, "DNS:osteon.hospital.example")


@pytest.mark.parametrize(("status", "exit_code"), [(200, 0), (503, 1)])
def test_whatever_name_the_certificate_has(
    certificate: tuple[Path, Path], status: int, exit_code: int
) -> None:
    with _answering(status, certificate) as port:
        assert _check(port, OSTEON_WEB_CERTIFICATE=str(certificate[0])) == exit_code
        assert _check(port) == 1


def test_without_a_certificate_it_asks_plainly() -> None:
    with _answering(200) as port:
        assert _check(port) == 0


def _check(port: int, **environment: str) -> int:
    kind, program, *words = services(BASE)["web"]["healthcheck"]["test"]
    assert (kind, program) == ("CMD", "python")
    here = [word.replace("127.0.0.1:8042", f"127.0.0.1:{port}") for word in words]
    command = [sys.executable, *here]
    return subprocess.run(command, env=environment, capture_output=True, check=False).returncode


@contextmanager
def _answering(status: int, certificate: tuple[Path, Path] | None = None) -> Iterator[int]:
    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/healthz" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Page) as server:
        if certificate is not None:
            server.socket = tls_context(*certificate).wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
