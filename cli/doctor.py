"""What `osteon doctor` looks at, and what it says to do."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cli.artefacts import model_signers
from cli.assembly import (
    build_broker,
    build_spool,
    model_dir,
    routing_rules,
)
from cli.audit_look import look_at_trail
from cli.exits import Leave
from cli.keeping import retention_plan
from cli.reaching import ask_destination, own_listeners, tls_files
from db.session import LedgerUnavailable, LedgerUnsafe, open_ledger, reading
from db.storage import kept_sizes
from db.upgrade import is_outdated, ledger_revision, newest_revision
from dicom_node.echo import verify_peer
from dicom_node.peer import Destination, PeerRefused, PeerTrouble, own_address
from dicom_node.spool import SpoolError
from dicom_node.tls import TlsUnusable, Validity, client_context, server_context, validities
from model.artefact import ARTEFACT_TROUBLE
from model.runtime import DeviceUnavailable
from model.signing import is_shipped
from remote_systems import DestinationSettings
from settings import Settings
from settings.servers import is_inside
from worker.app import create_app
from worker.kitchen import load_serving

_MEBIBYTE = 1 << 20
_GATEWAY_SECONDS = 10


@dataclass(frozen=True)
class Check:
    """One thing looked at: whether it is well, and what was seen or is to be done."""

    name: str
    passed: bool
    said: str


class Unwell(Exception):
    """What was looked at is not well; the message says what to do."""


def examine_node(settings: Settings) -> Iterator[Check]:
    """Every check in the order of the path of an image; none keeps the others from being made."""
    looks: list[tuple[str, Callable[[Settings], str]]] = [
        ("disk", _look_at_disk),
        ("ledger", _look_at_ledger),
        ("broker", _look_at_broker),
        ("classifier", _look_at_classifier),
        ("listener", _look_at_listener),
        ("audit trail", look_at_trail),
    ]
    if settings.has_tls:
        looks.append(("TLS", _look_at_tls))
    if settings.retention_days is not None or settings.spool_quota_bytes is not None:
        looks.append(("retention", _look_at_retention))
    if settings.shadow_model_dir is not None:
        looks.append(("shadow classifier", partial(_look_at_shadow, settings.shadow_model_dir)))
    if settings.gateway_enabled or settings.gateway_token:
        looks.append(("gateway", _look_at_gateway))
    for destination in settings.destinations:
        look_at = partial(_look_at_destination, destination)
        looks.append((f"destination {destination.name}", look_at))
    for name, look in looks:
        yield _check(name, look, settings)
    if not settings.destinations:
        yield Check("destinations", True, "none is set: results stay here; set `destinations`")


def _check(name: str, look: Callable[[Settings], str], settings: Settings) -> Check:
    try:
        return Check(name, True, look(settings))
    except (Unwell, Leave) as finding:
        return Check(name, False, str(finding))


def _look_at_disk(settings: Settings) -> str:
    try:
        build_spool(settings).begin().discard()
    except SpoolError as error:
        raise Unwell(f"{settings.data_dir} takes no file: {error}; make room or mend it") from error
    free = shutil.disk_usage(settings.data_dir).free
    return f"{free // _MEBIBYTE} MiB free in {settings.data_dir}"


def _look_at_ledger(settings: Settings) -> str:
    try:
        engine = open_ledger(settings.ledger_url)
        found = ledger_revision(engine)
    except LedgerUnavailable as error:
        raise Unwell(f"no answer: {error}; is it running, is `database_url` right?") from error
    except LedgerUnsafe as error:
        raise Unwell(str(error)) from error
    if is_outdated(found):
        newest = newest_revision()
        raise Unwell(f"its schema is {found or 'empty'}, not {newest}: run `osteon db upgrade`")
    exposed = settings.database_is_exposed and not is_inside(settings.database_url)
    advice = "add ?sslmode=verify-full to `database_url`"
    return f"{engine.dialect.name}, schema {found}{_unprotected(exposed, advice)}"


def _unprotected(is_exposed: bool, advice: str) -> str:
    return f"; what passes can be read and changed on the way: {advice}" if is_exposed else ""


def _look_at_retention(settings: Settings) -> str:
    plan = retention_plan(settings)
    try:
        with reading(open_ledger(settings.ledger_url)) as session:
            kept_bytes = kept_sizes(session).size_bytes
    except (LedgerUnavailable, LedgerUnsafe) as error:
        raise Unwell(f"not to be said without the ledger: {error}") from error
    if plan.quota_bytes is not None and kept_bytes > plan.quota_bytes:
        excess = (kept_bytes - plan.quota_bytes) // _MEBIBYTE
        raise Unwell(
            f"{excess} MiB above `spool_quota_bytes`: the beat removes what may go; "
            "`osteon purge --dry-run` says what keeps the rest"
        )
    return f"{kept_bytes // _MEBIBYTE} MiB of files kept"


def _look_at_broker(settings: Settings) -> str:
    from kombu.exceptions import OperationalError

    broker = build_broker(settings)
    try:
        create_app(broker).connection_for_write().ensure_connection(max_retries=1)
    except (OperationalError, OSError) as error:
        raise Unwell("no answer; is Redis running, is `broker_url` right?") from error
    if not broker.url:
        return f"files in {broker.folder}"
    exposed = settings.broker_is_exposed and not is_inside(settings.broker_url)
    return f"Redis answers{_unprotected(exposed, 'let `broker_url` begin with rediss://')}"


def _look_at_classifier(settings: Settings) -> str:
    return _load(model_dir(settings), settings, "model_dir")


def _look_at_shadow(folder: Path, settings: Settings) -> str:
    return f"on trial: {_load(folder, settings, 'shadow_model_dir')}"


def _load(folder: Path, settings: Settings, setting: str) -> str:
    signers = model_signers(settings)
    try:
        classifier = load_serving(folder, settings.device, signers)
    except DeviceUnavailable as error:
        raise Unwell(f"{error}; mend it or correct `device`") from error
    except (*ARTEFACT_TROUBLE, OSError, RuntimeError) as error:  # the last from OpenVINO
        raise Unwell(f"{error}; install it anew or correct `{setting}`") from error
    named = f"{classifier.card.name} {classifier.card.version}"
    vouched = "" if is_shipped(folder) or signers.keys else "; nobody vouches for it: `model_keys`"
    return f"{named} loads on {classifier.device}, its files are those of its card{vouched}"


def _look_at_listener(settings: Settings) -> str:
    routing_rules(settings)  # with one that cannot be, it does not start
    return "; ".join(_ask_listener(here, settings.ae_title) for here in own_listeners(settings))


def _ask_listener(here: Destination, ae_title: str) -> str:
    try:
        verify_peer(here, calling_ae_title=ae_title)
    except PeerRefused:
        return f"{here} answers (it does not admit us as a caller: `peers` names who may)"
    except PeerTrouble as trouble:
        raise Unwell(f"{trouble} Start it with `osteon up` or `osteon listen`.") from trouble
    return f"{here} answers C-ECHO{' by TLS' if here.tls else ''}"


def _look_at_tls(settings: Settings) -> str:
    files = tls_files(settings)
    try:
        server_context(files)
        client_context(files)
        held = validities(files)
    except TlsUnusable as trouble:
        raise Unwell(
            f"{trouble}; mend it: until then the listener goes by the old one"
        ) from trouble
    due = [one for one in held if one.remaining_days < one.notice_days]
    if due:
        raise Unwell("; ".join(f"{one.path}: {_ending(one)}: renew it" for one in due))
    return f"{_ending(min(held, key=lambda one: one.ends_at))}, and nothing before that"


def _ending(one: Validity) -> str:
    return f"{one.subject} {'ended' if one.remaining_days < 0 else 'ends'} {one.ends_at:%Y-%m-%d}"


def _look_at_gateway(settings: Settings) -> str:
    import httpx

    host = own_address(settings.gateway_bind_address)
    here = f"{f'[{host}]' if ':' in host else host}:{settings.gateway_port}"
    try:
        answer = httpx.get(f"http://{here}/healthz", timeout=_GATEWAY_SECONDS, trust_env=False)
    except httpx.TransportError as error:
        raise Unwell(
            f"{here}: no answer. Start it with `osteon gateway`, or with `osteon up` where "
            "`gateway_enabled` is true."
        ) from error
    if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
        raise Unwell(f"{here} answers, and the ledger does not answer it")
    if answer.status_code != httpx.codes.OK:
        raise Unwell(f"{here} is no gateway: HTTP {answer.status_code}; correct `gateway_port`")
    return f"{here} answers"


def _look_at_destination(destination: DestinationSettings, settings: Settings) -> str:
    try:
        return ask_destination(destination, settings)
    except PeerTrouble as trouble:
        raise Unwell(str(trouble)) from trouble
