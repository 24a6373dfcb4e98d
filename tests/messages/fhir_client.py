"""A FHIR service that is being served, and a client of it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI
from fhir.resources.R4B.bundle import Bundle
from sqlalchemy import Engine

from messages.fhir_service import FhirPlan, fhir_routes
from tests.messages.fhir_cases import ARCHIVE
from tests.waiting import wait_for

Resource = dict[str, Any]
# The network of the ledger's tests, in use.
PLAN_ARCHIVE = replace(ARCHIVE, algorithm=replace(ARCHIVE.algorithm, name="osteon"))


@dataclass(frozen=True)
class Client:
    base_url: str
    http: httpx.Client

    def get(self, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        return self.http.get(f"{self.base_url}/{path}", headers=headers)

    def found(self, query: str) -> list[Resource]:
        answer = self.http.get(f"{self.base_url}/{query}")
        assert answer.status_code == 200, answer.text
        Bundle.model_validate(answer.json())
        return [entry["resource"] for entry in answer.json().get("entry", [])]

    def studies(self, query: str) -> list[str]:
        """The studies that the DiagnosticReports found belong to, by their accession numbers."""
        return [
            one["basedOn"][0]["identifier"]["value"]
            for one in self.found(f"DiagnosticReport?{query}")
        ]


@contextmanager
def serving(engine: Engine) -> Iterator[Client]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        base_url = f"http://127.0.0.1:{listening.getsockname()[1]}/fhir"
        app = FastAPI(openapi_url=None)
        app.include_router(fhir_routes(engine, FhirPlan(base_url, PLAN_ARCHIVE)))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            wait_for(lambda: server.started, "the service", limit_seconds=30)
            with httpx.Client(timeout=30) as http:
                yield Client(base_url, http)
        finally:
            server.should_exit = True
            thread.join(30)
