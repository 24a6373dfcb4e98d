"""What the gateway serves: DICOMweb, FHIR and a health check, to whoever has the token."""

from dataclasses import dataclass

from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response
from sqlalchemy import Engine, text

from db.session import LedgerUnavailable, reading
from dicom_node.dicomweb.app import create_gateway
from dicom_node.dicomweb.gateway_config import GatewayConfig
from dicom_node.spool import Spool
from gateway.guard import TokenGuard
from messages.fhir_service import FhirPlan, fhir_routes

HEALTH_PATH = "/healthz"


@dataclass(frozen=True)
class GatewayPlan:
    """Where it is served, whom it lets in (no token: everybody on this machine), what it shows."""

    dicomweb: GatewayConfig
    fhir: FhirPlan
    bind_address: str = "127.0.0.1"
    port: int = 8044
    token: str | None = None


def create_app(plan: GatewayPlan, engine: Engine, spool: Spool) -> FastAPI:
    app = create_gateway(engine, spool, plan.dicomweb)
    app.include_router(fhir_routes(engine, plan.fhir))
    app.get(HEALTH_PATH)(lambda: _health(engine))
    if plan.token is not None:
        tally = app.state.audit_tally
        app.add_middleware(TokenGuard, token=plan.token, open_path=HEALTH_PATH, tally=tally)
    return app


def _health(engine: Engine) -> Response:
    try:
        with reading(engine) as session:
            session.execute(text("SELECT 1"))
    except LedgerUnavailable:
        return JSONResponse({"ledger": "unavailable"}, 503)
    return JSONResponse({"ledger": "answers"})
