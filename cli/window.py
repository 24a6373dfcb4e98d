"""Serving the window: from settings to what its pages are built from."""

import socket
from typing import TYPE_CHECKING

import typer

from cli.exits import Exit, Leave
from cli.node import read_settings

if TYPE_CHECKING:
    from settings import Settings
    from web.plan import AccessPlan, OidcPlan, WebPlan


def add_commands(app: typer.Typer) -> None:
    app.command()(web)


def web() -> None:
    """Serve the pages: worklist, studies, trial, query, model and operations."""
    from web.serving import bind, serve

    settings = read_settings("web")
    require_safe_window(settings)
    plan = window_plan(settings)
    try:
        listening = bind(plan)
    except OSError as error:
        where = f"{plan.bind_address}:{plan.port}"
        raise Leave(Exit.CHECK_FAILED, f"cannot serve on {where}: {error.strerror}") from error
    with listening:
        serve(plan, listening)


def require_safe_window(settings: "Settings") -> None:
    """Leave with a sentence where others would see what they should not."""
    from web.access.exposure import UnsafeAccess, refuse_unsafe

    try:
        refuse_unsafe(settings.web_bind_address, _access(settings))
    except UnsafeAccess as refusal:
        raise Leave(Exit.USAGE, f"setting {refusal.setting}: {refusal}") from refusal


def window_plan(settings: "Settings") -> "WebPlan":
    # Not in cli.assembly: that loads the whole node, and the page needs little of it.
    from zoneinfo import ZoneInfo

    from cli.artefacts import model_signers
    from cli.keeping import retention_plan
    from cli.reaching import named_peers, own_listeners
    from model.artefact import bundled_artefact
    from web.plan import WebPlan

    dicom_host, dicom_port = _told_to_a_pacs(settings)
    return WebPlan(
        ledger_url=settings.ledger_url,
        data_dir=settings.data_dir.absolute(),
        model_dir=settings.model_dir or bundled_artefact(),
        ae_title=settings.ae_title,
        dicom_host=dicom_host,
        dicom_port=dicom_port,
        time_zone=ZoneInfo(settings.time_zone),
        listener=own_listeners(settings)[0],
        peers=tuple(named_peers(settings)),
        bind_address=settings.web_bind_address,
        port=settings.web_port,
        disk_reserve_bytes=settings.disk_reserve_bytes,
        access=_access(settings),
        model_signers=model_signers(settings),
        retention=retention_plan(settings),
    )


def _told_to_a_pacs(settings: "Settings") -> tuple[str, int]:
    if settings.dicom_address:
        host, _, port = settings.dicom_address.rpartition(":")
        return host, int(port)
    anywhere = settings.bind_address in ("0.0.0.0", "::")  # noqa: S104 # nosec B104
    return socket.gethostname() if anywhere else settings.bind_address, (
        settings.tls_port if settings.tls_only else settings.port
    )


def _access(settings: "Settings") -> "AccessPlan":
    from web.plan import AccessPlan

    return AccessPlan(
        login=settings.web_login,
        idle_minutes=settings.web_idle_minutes,
        longest_session_hours=settings.web_session_hours,
        hosts=tuple(host.lower() for host in settings.web_hosts),
        certificate=settings.web_certificate,
        key=settings.web_key,
        behind_proxy=settings.web_behind_proxy,
        proxy_address=settings.web_proxy_address,
        oidc=_provider(settings) if settings.web_oidc_issuer else None,
    )


def _provider(settings: "Settings") -> "OidcPlan":
    from web.plan import OidcPlan

    secret = settings.web_oidc_client_secret
    return OidcPlan(
        issuer=settings.web_oidc_issuer,
        client_id=settings.web_oidc_client_id,
        client_secret=secret.get_secret_value() if secret else "",
        role_claim=settings.web_oidc_role_claim,
        administrators=frozenset(settings.web_oidc_administrators),
        readers=frozenset(settings.web_oidc_readers),
        viewers=frozenset(settings.web_oidc_viewers),
    )
