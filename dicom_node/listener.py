"""The listener: opens the port, admits associations, looks after what they leave, and drains."""

import resource
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog
from pynetdicom import AE, evt
from pynetdicom.presentation import PresentationContext
from sqlalchemy import Engine

from db.audit_tally import AuditTally
from db.presence import PresenceKeeper, RunningProcess
from dicom_node.association_rows import AssociationRows
from dicom_node.commitment.service import CommitmentService
from dicom_node.contexts import commitment_context, query_retrieve_contexts, supported_contexts
from dicom_node.discretion import printable, silence_dicom_libraries
from dicom_node.echo import verify_peer
from dicom_node.peer import Destination, PeerRefused, TlsTrouble, own_address
from dicom_node.policy import AssociationPolicy, Refusal
from dicom_node.query_retrieve.query_service import QueryService
from dicom_node.query_retrieve.retrieve_service import RetrieveService
from dicom_node.refusals import RefusalLog
from dicom_node.routing.own_rule import self_test_rule
from dicom_node.routing.rules import Rule
from dicom_node.spool import Spool, SpoolError
from dicom_node.store_service import StoreService
from dicom_node.tls_client import PeerTls
from dicom_node.tls_door import TlsDoor
from dicom_node.tls_server import TlsPort, shown_by
from dicom_node.transport.association_handler import SharedContexts
from dicom_node.transport.association_places import AssociationPlaces
from dicom_node.transport.entity import ListenerEntity
from dicom_node.transport.server import Door, ListenerServer
from dicom_node.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME

log = structlog.get_logger(__name__)

# A-ASSOCIATE-RJ, PS3.8 9.3.4: rejected for good by the user, calling AE title not recognised.
_CALLING_AE_TITLE_NOT_RECOGNISED = (1, 1, 3)


@dataclass(frozen=True)
class ListenerConfig:
    """Where the listener listens; its `name` is its own and stays the same after a restart.

    One without a `port` speaks TLS alone, one without `tls` plain TCP alone.
    `destinations` are where C-MOVE may send results, and who can be told what we keep of theirs;
    `answers_queries`: whoever may associate may also ask for results.
    """

    policy: AssociationPolicy
    name: str
    bind_address: str = "127.0.0.1"
    port: int | None = 11112
    tls: TlsPort | None = None
    upkeep_seconds: float = 10
    abandoned_after_seconds: float = 30
    destinations: Sequence[Destination] = ()
    answers_queries: bool = True
    rules: Sequence[Rule] = ()


class Listener:
    """A C-STORE, C-ECHO, C-FIND, C-MOVE and C-GET SCP by plain TCP, by TLS, or by both."""

    def __init__(self, config: ListenerConfig, engine: Engine, spool: Spool) -> None:
        self._config = config
        self._spool = spool
        self._rows = AssociationRows(engine, config.name)
        # Before all rules that are written: no door but this one has it.
        rules = (self_test_rule(config.policy.ae_title), *config.rules)
        self._service = StoreService(engine, self._rows, rules)
        self._query = QueryService(engine, spool, config.policy.ae_title)
        self._retrieve = RetrieveService(engine, spool, config.destinations)
        self._answerable = {destination.ae_title for destination in config.destinations}
        self._commitment = CommitmentService(engine, self._answerable)
        tally = AuditTally()
        self._presence = PresenceKeeper(
            lambda: engine, lambda: RunningProcess("listener"), tally=tally
        )
        self._places = AssociationPlaces(config.policy)
        self._refusals = RefusalLog(tally=tally)
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._servers: list[ListenerServer] = []

    @property
    def port(self) -> int:
        """The port of plain TCP, which the system chose where the configured one is 0."""
        return self._port(is_encrypted=False)

    @property
    def association_count(self) -> int:
        """How many associations there are now, by whichever port they came."""
        return sum(len(server.live_associations) for server in self._servers)

    @property
    def waiting_count(self) -> int:
        """How many connections there are on which no association was asked for yet."""
        return sum(server.waiting_count for server in self._servers)

    @property
    def tls_port(self) -> int:
        return self._port(is_encrypted=True)

    def start(self) -> None:
        """Return when each port answers; raise what keeps it from that (OSError, TlsUnusable)."""
        silence_dicom_libraries()
        _allow_descriptors()
        self._rows.close_those_left_open()
        self._sweep()
        self._open_ports()
        for task in (*(server.serve_forever for server in self._servers), self._keep_up):
            thread = threading.Thread(target=task, name=f"listener-{task.__name__}", daemon=True)
            thread.start()
            self._threads.append(thread)
        try:
            self._require_answers()
        except BaseException:
            self.stop(drain_seconds=0)
            raise
        self._presence.start()
        for server in self._servers:
            log.info(
                "listening",
                ae_title=self._config.policy.ae_title,
                port=_port_of(server),
                tls=server.tls is not None,
            )

    def stop(self, *, drain_seconds: float = 10) -> None:
        """Accept nobody any more, let the associations end for a while, then abort them."""
        if not self._servers:
            return
        for server in self._servers:
            server.stop_accepting()
        deadline = time.monotonic() + drain_seconds
        for server in self._servers:
            if not server.wait_until_idle(max(0.0, deadline - time.monotonic())):
                server.abort_associations()
                server.wait_until_idle(drain_seconds)
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        self._presence.stop()
        self._rows.close_ended()
        log.info("listener_stopped")

    def _port(self, *, is_encrypted: bool) -> int:
        for server in self._servers:
            if (server.tls is not None) == is_encrypted:
                return _port_of(server)
        raise RuntimeError("the listener is not started, or has no such port")

    def _open_ports(self) -> None:
        """Both or none: what one AE title takes is one node's, by whichever port it comes."""
        config, tls, ae = self._config, self._config.tls, self._application_entity()
        ways: list[tuple[int, TlsDoor | None]] = []
        if config.port is not None:
            ways.append((config.port, None))
        if tls is not None:
            ways.append((tls.port, tls.door()))
        try:
            for port, door in ways:
                self._servers.append(self._make_server(ae, port, door))
        except BaseException:
            for server in self._servers:
                server.server_close()
            self._servers.clear()
            raise

    def _application_entity(self) -> AE:
        policy = self._config.policy
        ae = ListenerEntity(ae_title=policy.ae_title)
        ae.implementation_class_uid = IMPLEMENTATION_CLASS_UID
        ae.implementation_version_name = IMPLEMENTATION_VERSION_NAME
        ae.require_called_aet = True
        ae.maximum_pdu_size = policy.max_pdu_bytes
        ae.acse_timeout = policy.request_timeout_seconds
        ae.dimse_timeout = policy.dimse_timeout_seconds
        ae.network_timeout = policy.network_timeout_seconds
        return ae

    def _make_server(self, ae: AE, port: int, tls: TlsDoor | None) -> ListenerServer:
        return ae.make_server(  # type: ignore[no-any-return]
            (self._config.bind_address, port),
            contexts=SharedContexts(self._contexts()),
            evt_handlers=[
                (evt.EVT_C_STORE, self._service.handle_store),
                (evt.EVT_C_FIND, self._query.handle_find),
                (evt.EVT_C_MOVE, self._retrieve.handle_move),
                (evt.EVT_C_GET, self._retrieve.handle_get),
                (evt.EVT_N_EVENT_REPORT, self._commitment.handle_event_report),
                (evt.EVT_N_ACTION, self._commitment.handle_action),
                (evt.EVT_REQUESTED, self._admit),
                (evt.EVT_REJECTED, self._log_rejected),
                (evt.EVT_ABORTED, self._log_aborted),
            ],
            server_class=ListenerServer,
            door=Door(
                self._config.policy,
                self._places,
                self._spool,
                self._refusals,
                on_end=self._rows.end,
                tls=tls,
            ),
        )

    def _contexts(self) -> list[PresentationContext]:
        queries = query_retrieve_contexts() if self._config.answers_queries else []
        return [*supported_contexts(), *queries, commitment_context()]

    def _require_answers(self) -> None:
        """Associate with ourselves: to be turned down by the policy is an answer too."""
        title, files = self._config.policy.ae_title, self._config.tls and self._config.tls.files
        host = own_address(self._config.bind_address)
        for server in self._servers:
            tls = PeerTls(files, is_ourselves=True) if server.tls and files else None
            here = Destination(title, host, _port_of(server), tls=tls)
            try:
                verify_peer(here, calling_ae_title=title)
            except PeerRefused:
                pass
            except TlsTrouble as trouble:  # others may still come in by what they show
                log.warning("own_certificate_not_taken", reason=str(trouble))

    def _admit(self, event: Any) -> None:
        association = event.assoc
        refusal = self._config.policy.refusal_of(
            association.requestor.primitive.calling_ae_title,
            association.requestor.address,
            shown_by(association.dul.socket.socket),
        )
        if refusal is not None:
            self._log_rejected(event, refusal)
            association.acse.send_reject(*_CALLING_AE_TITLE_NOT_RECOGNISED)
            association.kill()

    def _keep_up(self) -> None:
        while not self._stopping.wait(self._config.upkeep_seconds):
            self._sweep()
            self._rows.close_ended()
            self._refusals.sum_up()

    def _sweep(self) -> None:
        try:
            removed = self._spool.sweep(older_than_seconds=self._config.abandoned_after_seconds)
        except SpoolError as error:
            log.warning("sweep_failed", error=str(error))
            return
        if removed:
            log.info("abandoned_transfers_removed", count=removed)

    def _log_rejected(self, event: Any, refusal: Refusal | None = None) -> None:
        requested = event.assoc.requestor.primitive
        self._refusals.warning(
            "association_rejected",
            kind=refusal or "",
            calling_ae_title=printable(requested.calling_ae_title),
            called_ae_title=printable(requested.called_ae_title),
            address=event.assoc.requestor.address,
        )

    def _log_aborted(self, event: Any) -> None:
        association = event.assoc
        self._refusals.warning(
            "association_aborted",
            association_id=association.dimse.association_id,
            calling_ae_title=printable(association.requestor.ae_title),
            address=association.requestor.address,
        )


def _allow_descriptors() -> None:
    """As many as the system lets the process have: by default it may open few of them."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # macOS says that there is no limit, and has one
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _port_of(server: ListenerServer) -> int:
    return int(server.server_address[1])
