"""`osteon gateway`: DICOMweb and FHIR for other systems of the hospital."""

from typing import TYPE_CHECKING

import typer

from cli.exits import Exit, Leave

if TYPE_CHECKING:
    from gateway.app import GatewayPlan
    from settings import Settings


def add_commands(app: typer.Typer) -> None:
    app.command()(gateway)


def gateway() -> None:
    """Serve DICOMweb (STOW-RS, QIDO-RS, WADO-RS) and FHIR R4 to machines that have the token."""
    from cli.assembly import build_spool, open_node_ledger
    from cli.node import read_settings
    from db.presence import PresenceKeeper, RunningProcess
    from gateway.app import create_app
    from gateway.serving import TokenNeeded, bind, serve

    settings = read_settings("gateway")
    plan = _plan(settings)
    try:
        listening = bind(plan)
    except TokenNeeded as refusal:
        raise Leave(Exit.USAGE, f"setting gateway_bind_address: {refusal}") from refusal
    except OSError as error:
        where = f"{plan.bind_address}:{plan.port}"
        raise Leave(Exit.CHECK_FAILED, f"cannot serve on {where}: {error.strerror}") from error
    engine = open_node_ledger(settings)
    app = create_app(plan, engine, build_spool(settings))
    tally = app.state.audit_tally
    with listening, PresenceKeeper(lambda: engine, lambda: RunningProcess("gateway"), tally=tally):
        serve(app, listening)


def _plan(settings: "Settings") -> "GatewayPlan":
    from cli.assembly import association_policy, fhir_site, model_dir, routing_rules
    from dicom_node.dicomweb.gateway_config import GatewayConfig
    from gateway.app import GatewayPlan
    from messages.fhir_archive import FhirArchive
    from messages.fhir_service import FhirPlan
    from model.artefact import load_artefact
    from worker.findings import algorithm_in_use, finding_of

    token = settings.gateway_token
    algorithm = algorithm_in_use(load_artefact(model_dir(settings)).card)
    archive = FhirArchive(fhir_site(settings), algorithm, finding_of)
    return GatewayPlan(
        dicomweb=GatewayConfig(
            policy=association_policy(settings),
            name=f"{settings.ae_title}:gateway",
            public_origin=settings.gateway_url.rstrip("/"),
            rules=routing_rules(settings),
        ),
        fhir=FhirPlan(f"{_public_url(settings)}/fhir", archive),
        bind_address=settings.gateway_bind_address,
        port=settings.gateway_port,
        token=token.get_secret_value() if token else None,
    )


def _public_url(settings: "Settings") -> str:
    from dicom_node.peer import own_address

    host = own_address(settings.gateway_bind_address)
    own = f"http://{f'[{host}]' if ':' in host else host}:{settings.gateway_port}"
    return (settings.gateway_url or own).rstrip("/")
