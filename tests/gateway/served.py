"""A gateway served by a thread of the tests."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path

from sqlalchemy import Engine

from dicom_node.dicomweb.gateway_config import GatewayConfig
from dicom_node.policy import AssociationPolicy
from dicom_node.results.finding import AlgorithmIdentity
from dicom_node.spool import FileSpool
from gateway.app import GatewayPlan, create_app
from gateway.serving import LAST_REQUESTS_SECONDS, bind
from http_serving import build_server
from messages.fhir_archive import FhirArchive
from messages.fhir_service import FhirPlan
from messages.fhir_source import FhirSite
from tests.waiting import wait_for
from worker.findings import finding_of

TOKEN = "a-token-of-the-hospital"


def plan_with(token: str | None, bind_address: str = "127.0.0.1") -> GatewayPlan:
    algorithm = AlgorithmIdentity("osteon", "1.0", {})
    archive = FhirArchive(FhirSite("OSTEON", UTC), algorithm, finding_of)
    return GatewayPlan(
        dicomweb=GatewayConfig(AssociationPolicy("OSTEON"), "gateway"),
        fhir=FhirPlan("http://node/fhir", archive),
        bind_address=bind_address,
        port=0,
        token=token,
    )


@contextmanager
def serving(plan: GatewayPlan, engine: Engine, folder: Path) -> Iterator[str]:
    server = build_server(create_app(plan, engine, FileSpool(folder)), LAST_REQUESTS_SECONDS)
    with bind(plan) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            wait_for(lambda: server.started, "the gateway", limit_seconds=30)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(30)
