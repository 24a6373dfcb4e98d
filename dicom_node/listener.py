"""The listener: opens the port, admits associations, looks after what they leave, and drains."""

import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog
from pynetdicom import AE, evt
from pynetdicom.presentation import PresentationContext
from sqlalchemy import Engine

from db.presence import PresenceKeeper, RunningProcess
from dicom_node.association_rows import AssociationRows
from dicom_node.commitment.service import CommitmentService
from dicom_node.contexts import commitment_context, query_retrieve_contexts, supported_contexts
from dicom_node.discretion import printable, silence_dicom_libraries
from dicom_node.echo import verify_peer
from dicom_node.peer import Destination, PeerRefused, own_address
from dicom_node.policy import AssociationPolicy
from dicom_node.query_retrieve.query_service import QueryService
from dicom_node.query_retrieve.retrieve_service import RetrieveService
from dicom_node.routing.own_rule import self_test_rule
from dicom_node.routing.rules import Rule
from dicom_node.spool import Spool, SpoolError
from dicom_node.store_service import StoreService
from dicom_node.transport import ListenerServer, SharedContexts
from dicom_node.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME

log = structlog.get_logger(__name__)

# A-ASSOCIATE-RJ, PS3.8 9.3.4: rejected for good by the user, calling AE title not recognised.
_CALLING_AE_TITLE_NOT_RECOGNISED = (1, 1, 3)


@dataclass(frozen=True)
class ListenerConfig:
    """Where the listener listens; its `name` is its own and stays the same after a restart.

    `destinations` are where C-MOVE may send results, and who can be told what we keep of theirs;
    `answers_queries`: whoever may associate may also ask for results.
    """

    policy: AssociationPolicy
    name: str
    bind_address: str = "127.0.0.1"
    port: int = 11112
    upkeep_seconds: float = 10
    abandoned_after_seconds: float = 30
    destinations: Sequence[Destination] = ()
    answers_queries: bool = True
    rules: Sequence[Rule] = ()


class Listener:
    """A C-STORE, C-ECHO, C-FIND, C-MOVE and C-GET SCP on one port."""

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
        self._presence = PresenceKeeper(lambda: engine, lambda: RunningProcess("listener"))
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._server: ListenerServer | None = None

    @property
    def port(self) -> int:
        """The port it listens on, which the system chose where the configured one is 0."""
        if self._server is None:
            raise RuntimeError("the listener is not started")
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Return when the port answers; raise what keeps it from that."""
        silence_dicom_libraries()
        self._rows.close_those_left_open()
        self._sweep()
        self._server = self._make_server()
        for task in (self._server.serve_forever, self._keep_up):
            thread = threading.Thread(target=task, name=f"listener-{task.__name__}", daemon=True)
            thread.start()
            self._threads.append(thread)
        try:
            self._require_answer()
        except BaseException:
            self.stop(drain_seconds=0)
            raise
        self._presence.start()
        log.info("listening", ae_title=self._config.policy.ae_title, port=self.port)

    def stop(self, *, drain_seconds: float = 10) -> None:
        """Accept nobody any more, let the associations end for a while, then abort them."""
        if self._server is None:
            return
        self._server.stop_accepting()
        if not self._server.wait_until_idle(drain_seconds):
            self._server.abort_associations()
            self._server.wait_until_idle(drain_seconds)
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        self._presence.stop()
        self._rows.close_ended()
        log.info("listener_stopped")

    def _make_server(self) -> ListenerServer:
        policy = self._config.policy
        ae = AE(ae_title=policy.ae_title)
        ae.implementation_class_uid = IMPLEMENTATION_CLASS_UID
        ae.implementation_version_name = IMPLEMENTATION_VERSION_NAME
        ae.require_called_aet = True
        ae.maximum_associations = policy.max_associations
        ae.maximum_pdu_size = policy.max_pdu_bytes
        ae.acse_timeout = policy.acse_timeout_seconds
        ae.dimse_timeout = policy.dimse_timeout_seconds
        ae.network_timeout = policy.network_timeout_seconds
        return ae.make_server(  # type: ignore[no-any-return]
            (self._config.bind_address, self._config.port),
            contexts=SharedContexts(self._contexts()),
            evt_handlers=[
                (evt.EVT_C_STORE, self._service.handle_store),
                (evt.EVT_C_FIND, self._query.handle_find),
                (evt.EVT_C_MOVE, self._retrieve.handle_move),
                (evt.EVT_C_GET, self._retrieve.handle_get),
                (evt.EVT_N_EVENT_REPORT, self._commitment.handle_event_report),
                (evt.EVT_N_ACTION, self._commitment.handle_action),
                (evt.EVT_REQUESTED, self._admit),
                (evt.EVT_REJECTED, _log_rejected),
                (evt.EVT_ABORTED, _log_aborted),
                (evt.EVT_CONN_CLOSE, _end_unassociated),
            ],
            server_class=ListenerServer,
            policy=policy,
            spool=self._spool,
            on_end=self._rows.end,
        )

    def _contexts(self) -> list[PresentationContext]:
        queries = query_retrieve_contexts() if self._config.answers_queries else []
        return [*supported_contexts(), *queries, commitment_context()]

    def _require_answer(self) -> None:
        """Associate with ourselves: to be turned down by the policy is an answer too."""
        title = self._config.policy.ae_title
        here = Destination(title, own_address(self._config.bind_address), self.port)
        with suppress(PeerRefused):
            verify_peer(here, calling_ae_title=title)

    def _admit(self, event: Any) -> None:
        association = event.assoc
        calling_ae_title = association.requestor.primitive.calling_ae_title
        if not self._config.policy.admits(calling_ae_title, association.requestor.address):
            _log_rejected(event)
            association.acse.send_reject(*_CALLING_AE_TITLE_NOT_RECOGNISED)
            association.kill()

    def _keep_up(self) -> None:
        while not self._stopping.wait(self._config.upkeep_seconds):
            self._sweep()
            self._rows.close_ended()

    def _sweep(self) -> None:
        try:
            removed = self._spool.sweep(older_than_seconds=self._config.abandoned_after_seconds)
        except SpoolError as error:
            log.warning("sweep_failed", error=str(error))
            return
        if removed:
            log.info("abandoned_transfers_removed", count=removed)


def _log_rejected(event: Any) -> None:
    requested = event.assoc.requestor.primitive
    log.warning(
        "association_rejected",
        calling_ae_title=printable(requested.calling_ae_title),
        called_ae_title=printable(requested.called_ae_title),
        address=event.assoc.requestor.address,
    )


def _log_aborted(event: Any) -> None:
    association = event.assoc
    log.warning(
        "association_aborted",
        association_id=association.dimse.association_id,
        calling_ae_title=printable(association.requestor.ae_title),
        address=association.requestor.address,
    )


def _end_unassociated(event: Any) -> None:
    """Free the slot of a connection that was closed before it asked for an association."""
    if event.assoc.requestor.primitive is None:
        event.assoc.dul.to_user_queue.put(None)
