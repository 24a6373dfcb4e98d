"""From settings to the parts of a node: the one place that knows both."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Engine
from sqlalchemy.exc import ArgumentError

from cli.artefacts import model_signers
from cli.exits import Exit, Leave
from cli.keeping import retention_plan
from cli.reaching import as_set, fhir_address, hl7_address, tls_files
from db.audit_files import AuditFiles
from db.backup.contents import RESTORE_MARK
from db.session import LedgerUnavailable, LedgerUnsafe, open_ledger
from dicom_node.certificate_name import CertificateName
from dicom_node.ladder import Wishes
from dicom_node.listener import Listener, ListenerConfig
from dicom_node.peer import Destination
from dicom_node.policy import AssociationPolicy, Peer
from dicom_node.results.result_object import ResultKind
from dicom_node.routing.checks import RuleRefused, check_rules
from dicom_node.routing.rules import Rule
from dicom_node.routing.table import read_rules
from dicom_node.spool import FileSpool, SpoolError
from dicom_node.tls import TlsUnusable
from dicom_node.tls_server import TlsPort
from messages.audit_syslog import AuditRepository
from messages.fhir_source import FhirSite
from model.artefact import (
    ARTEFACT_TROUBLE,
    ArtefactMissing,
    bundled_artefact,
    load_artefact,
    require_fracture,
)
from model.decoding.decoder import DecodeLimits
from model.signing import require_signed
from remote_systems import (
    DicomNodeSettings,
    FhirSettings,
    Hl7Settings,
    PacsSettings,
    PeerSettings,
)
from settings import Settings
from worker.app import Broker
from worker.destinations import FhirServer, Hl7Receiver, PacsDestination, ResultDestination
from worker.kitchen import Kitchen, KitchenPlan, Waits

# Longer than a lock is waited for, and shorter than modalities wait.
_LISTENER_ANSWER_SECONDS = 15


def build_spool(settings: Settings) -> FileSpool:
    """The spool; Leave with a sentence where its folder cannot be made."""
    refuse_half_restored(settings)
    folder = settings.data_dir.absolute() / "spool"
    try:
        return FileSpool(folder, settings.disk_reserve_bytes)
    except SpoolError as error:
        raise Leave(Exit.OUTPUT_UNWRITABLE, f"no spool can be made in {folder}: {error}") from error


def refuse_half_restored(settings: Settings) -> None:
    """Leave where a restore was broken off: what is there may look like a node, and is none."""
    if (settings.data_dir / RESTORE_MARK).exists():
        sentence = f"a restore into {settings.data_dir} has not come to its end: run it again"
        raise Leave(Exit.CHECK_FAILED, sentence)


def open_node_ledger(settings: Settings, *, answer_seconds: float | None = None) -> Engine:
    """The ledger; Leave with a sentence where it is away or not to be trusted."""
    refuse_half_restored(settings)
    with ledger_trouble_explained():
        return open_ledger(settings.ledger_url, answer_seconds=answer_seconds)


@contextmanager
def ledger_trouble_explained() -> Iterator[None]:
    try:
        yield
    except ArgumentError as error:
        # Its message may repeat the URL, password and all.
        raise Leave(Exit.USAGE, "setting database_url: no URL of a SQLite or PostgreSQL") from error
    except (LedgerUnavailable, LedgerUnsafe) as error:
        raise Leave(Exit.LEDGER_UNAVAILABLE, f"the ledger cannot be used: {error}") from error


def association_policy(settings: Settings) -> AssociationPolicy:
    return AssociationPolicy(
        ae_title=settings.ae_title,
        allowed_peers=_allowed_peers(settings),
        own_hosts=settings.own_hosts,
        named_certificates_only=settings.tls_named_certificates_only,
        max_pdu_bytes=settings.max_pdu,
        max_associations=settings.max_associations,
        max_associations_per_address=settings.max_associations_per_address,
        object_max_bytes=settings.object_max_bytes,
    )


def build_listener(settings: Settings) -> Listener:
    config = ListenerConfig(
        policy=association_policy(settings),
        bind_address=settings.bind_address,
        port=None if settings.tls_only else settings.port,
        tls=_tls_port(settings),
        name=f"{settings.ae_title}:{settings.port}",
        destinations=answerable_peers(settings),
        # Results name patients: those that are not named as peers may bring, and not ask.
        answers_queries=bool(settings.peers),
        rules=routing_rules(settings),
    )
    ledger = open_node_ledger(settings, answer_seconds=_LISTENER_ANSWER_SECONDS)
    return Listener(config, ledger, build_spool(settings))


def routing_rules(settings: Settings) -> tuple[Rule, ...]:
    """The rules of osteon.toml; Leave with a sentence where one of them cannot be."""
    names = [destination.name for destination in settings.destinations]
    try:
        rules = read_rules(list(settings.rules))
        check_rules(rules, names)
    except RuleRefused as refusal:
        raise Leave(Exit.USAGE, f"setting {refusal}") from refusal
    return rules


def _allowed_peers(settings: Settings) -> tuple[Peer, ...]:
    """Those that are set, and with them the node's own health check."""
    if not settings.peers:
        return ()
    own = Peer(settings.ae_title, "127.0.0.0/8")
    return (own, *map(_peer, settings.peers))


def _peer(peer: PeerSettings) -> Peer:
    name = CertificateName.parse(peer.certificate) if peer.certificate else None
    return Peer(peer.ae_title, peer.host, name, needs_tls=peer.speaks_tls)


def require_tls(settings: Settings) -> None:
    """Leave with a sentence where TLS is set and its files cannot be used."""
    try:
        if port := _tls_port(settings):
            port.door()
    except TlsUnusable as error:
        raise Leave(Exit.USAGE, f"TLS: {error}") from error


def _tls_port(settings: Settings) -> TlsPort | None:
    if not settings.has_tls:
        return None
    return TlsPort(tls_files(settings), settings.tls_port, settings.tls_mutual)


def build_kitchen(settings: Settings) -> Kitchen:
    plan = KitchenPlan(
        ledger_url=settings.ledger_url,
        spool=build_spool(settings),
        model_dir=model_dir(settings),
        device=settings.device,
        ae_title=settings.ae_title,
        time_zone=ZoneInfo(settings.time_zone),
        destinations=tuple(_result_destinations(settings)),
        waits=Waits(settings.quiet_seconds, settings.max_wait_seconds, settings.lease_seconds),
        decode_limits=DecodeLimits(settings.decode_seconds, settings.decode_memory_bytes),
        fhir_site=fhir_site(settings),
        peers=answerable_peers(settings),
        shadow_model_dir=settings.shadow_model_dir,
        model_signers=model_signers(settings),
        retention=retention_plan(settings),
    )
    return Kitchen(plan)


def _result_destinations(settings: Settings) -> Iterator[ResultDestination]:
    for destination in settings.destinations:
        if isinstance(destination, PacsSettings):
            yield _pacs(settings, destination)
        elif isinstance(destination, Hl7Settings):
            yield _hl7_receiver(destination)
        else:
            yield _fhir_server(destination)


def _pacs(settings: Settings, destination: PacsSettings) -> PacsDestination:
    wishes = Wishes(
        also=frozenset(ResultKind(kind) for kind in destination.also),
        pictures_of_negatives=destination.negatives == "pictures",
    )
    return PacsDestination(
        name=destination.name,
        peer=as_set(settings, destination),
        wishes=wishes,
        prove=destination.prove,
        rejection_notes=destination.rejection_notes,
    )


def _hl7_receiver(destination: Hl7Settings) -> Hl7Receiver:
    return Hl7Receiver(
        name=destination.name,
        address=hl7_address(destination),
        receiving_application=destination.receiving_application,
        receiving_facility=destination.receiving_facility,
        with_pdf=destination.attach == "pdf",
    )


def _fhir_server(destination: FhirSettings) -> FhirServer:
    return FhirServer(
        name=destination.name,
        address=fhir_address(destination),
        with_pdf=destination.attach == "pdf",
    )


def fhir_site(settings: Settings) -> FhirSite:
    return FhirSite(
        serial_number=settings.ae_title,
        time_zone=ZoneInfo(settings.time_zone),
        patient_id_system=settings.fhir_patient_id_system or None,
        accession_number_system=settings.fhir_accession_number_system or None,
    )


def answerable_peers(settings: Settings) -> tuple[Destination, ...]:
    """Whom we can call back: peers with host (no network) and port, and the destinations."""
    named: list[DicomNodeSettings] = []
    named += [peer for peer in settings.peers if peer.host and peer.port and "/" not in peer.host]
    named += [one for one in settings.destinations if isinstance(one, PacsSettings)]
    return tuple({one.peer.ae_title: as_set(settings, one) for one in reversed(named)}.values())


def audit_files(settings: Settings) -> AuditFiles:
    return AuditFiles(settings.data_dir.absolute())


def audit_repository(settings: Settings) -> AuditRepository | None:
    """Where the trail is told; None: nowhere but in the ledger."""
    if not settings.audit_repository:
        return None
    host, port = settings.audit_repository_place
    return AuditRepository(
        host,
        port,
        authorities=settings.audit_repository_authorities,
        certificate=settings.audit_repository_certificate,
        key=settings.audit_repository_key,
        answers_close_notify=settings.audit_repository_close_notify,
    )


def build_broker(settings: Settings) -> Broker:
    return Broker(settings.broker_url, settings.data_dir.absolute() / "broker")


def concurrency(settings: Settings, queues: list[str]) -> int:
    """Threads of a worker: each destination may hold up four of them, each peer that asks one."""
    if "analyse" in queues:
        return settings.analyse_workers
    if queues == ["report"]:
        return settings.report_workers
    asking = [peer for peer in settings.peers if peer.host is not None]
    return settings.deliver_workers + 4 * len(settings.destinations) + len(asking)


def model_dir(settings: Settings) -> Path:
    """The artefact's folder: the one that is set, else the bundled one."""
    try:
        return settings.model_dir or bundled_artefact()
    except ArtefactMissing as error:
        raise Leave(Exit.CLASSIFIER_UNUSABLE, str(error)) from error


def require_shadow(settings: Settings) -> None:
    """Leave with a sentence where a classifier on trial is set and its artefact does not load."""
    if settings.shadow_model_dir is None:
        return
    try:
        require_fracture(load_artefact(settings.shadow_model_dir).card)
        require_signed(settings.shadow_model_dir, model_signers(settings))
    except (*ARTEFACT_TROUBLE, OSError) as error:
        sentence = f"setting shadow_model_dir: {error}; correct it, or unset it"
        raise Leave(Exit.CLASSIFIER_UNUSABLE, sentence) from error
