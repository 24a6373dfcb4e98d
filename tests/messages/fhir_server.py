"""A FHIR server and validators of others, in a process of its own, and one that only refuses."""

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import httpx

from messages.fhir_push import FhirDestination
from tests.services import absent, require_program

FOLDER = Path(__file__).parent / "fhir-server"
_MODULES = FOLDER / "node_modules"
# The official schema of R4 4.0.1, as Medplum ships it.
SCHEMA = _MODULES / "@medplum" / "definitions" / "dist" / "fhir" / "r4" / "fhir.schema.json"
# How a server says that it did what a transaction asks.
DONE = json.dumps(
    {
        "resourceType": "Bundle",
        "type": "transaction-response",
        "entry": [{"response": {"status": "201 Created"}}, {"response": {"status": "200"}}],
    }
)


@dataclass(frozen=True)
class FhirServer:
    """Takes what its validators find valid; `objections` asks them alone."""

    base_url: str

    def objections(self, resource: dict[str, Any]) -> list[str]:
        answer = httpx.post(f"{self.base_url}/$validate", content=json.dumps(resource))
        found: list[str] = answer.json()
        return found

    def search(self, query: str) -> list[dict[str, Any]]:
        bundle = httpx.get(f"{self.base_url}/{query}").raise_for_status().json()
        return [entry["resource"] for entry in bundle.get("entry", [])]


def require_modules() -> None:
    if not _MODULES.is_dir():
        absent("the FHIR test server is missing: run tests/install-services")


@contextmanager
def fhir_server() -> Iterator[FhirServer]:
    node = require_program("node", "nodejs")
    require_modules()
    with subprocess.Popen([node, "server.cjs"], cwd=FOLDER, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield FhirServer(f"http://127.0.0.1:{int(process.stdout.readline())}")
        finally:
            process.terminate()


@contextmanager
def answering(
    *statuses: int, body: str = "", wait_seconds: float = 0, token: str | None = None
) -> Iterator[FhirDestination]:
    """A server that answers so in turn, at the end always alike; without its token, if any, 401."""
    over = threading.Event()
    in_turn = chain(statuses, repeat(statuses[-1]))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self._answer()

        def _answer(self) -> None:
            over.wait(wait_seconds)
            is_known = token is None or self.headers.get("Authorization") == f"Bearer {token}"
            self.send_response(next(in_turn) if is_known else 401)
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        try:
            yield FhirDestination(f"http://127.0.0.1:{server.server_port}/fhir")
        finally:
            over.set()
            server.shutdown()
