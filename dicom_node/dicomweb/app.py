"""The application that a gateway process serves: the doors over HTTP, and nothing else."""

from fastapi import FastAPI
from sqlalchemy import Engine

from db.audit_tally import AuditTally
from dicom_node.dicomweb.gateway_config import GatewayConfig
from dicom_node.dicomweb.routes import dicomweb_routes
from dicom_node.spool import Spool
from http_serving import NO_TELEMETRY

PREFIX = "/dicom-web"


def create_gateway(engine: Engine, spool: Spool, config: GatewayConfig) -> FastAPI:
    """Serve it without an access log: query strings carry patients' names."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, telemetry=NO_TELEMETRY)
    app.state.audit_tally = AuditTally()
    app.include_router(dicomweb_routes(engine, spool, config), prefix=PREFIX)
    return app
