"""The C-GET and C-MOVE SCU (PS3.4 C.4.2, C.4.3): has a PACS send what we did not receive.

What comes by C-GET goes the way of every C-STORE: streamed into the spool, checked, hashed, synced
and recorded by the same service. By C-MOVE the PACS calls the listener.
"""

import queue
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import structlog
from pydicom.dataset import Dataset
from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelGet as STUDY_ROOT_GET
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelMove as STUDY_ROOT_MOVE
from sqlalchemy import Engine

from dicom_node.association_rows import AssociationRows
from dicom_node.contexts import ANALYSED_SOP_CLASSES, STORAGE_SOP_CLASSES, TRANSFER_SYNTAXES
from dicom_node.discretion import silence_dicom_libraries
from dicom_node.echo import VERIFICATION_PROPOSALS
from dicom_node.peer import Destination, PeerRefused, associate
from dicom_node.query_retrieve.query_client import QUERY_SYNTAXES
from dicom_node.query_retrieve.query_statuses import PENDING, SOME_FAILED, SUCCESS, trouble
from dicom_node.routing.rules import Rule
from dicom_node.spool import Spool
from dicom_node.store_service import StoreService
from dicom_node.transfer import ReceivingDimse

log = structlog.get_logger(__name__)

_CONTEXTS_MAX = 128  # PS3.8 9.3.2: the IDs are odd and of one byte
_SILENCE_SECONDS = 300  # a PACS may have to fetch from its archive first, and need not say so
_LOOK_SECONDS = 0.25


class Way(StrEnum):
    AUTO = "auto"  # C-GET where the peer takes it, else C-MOVE
    GET = "get"
    MOVE = "move"


@dataclass(frozen=True)
class Wanted:
    """A study, or some of its series; `sop_classes`: the kinds of objects known to be there."""

    study_instance_uid: str
    series_instance_uids: tuple[str, ...] = ()
    sop_classes: frozenset[str] = frozenset()

    def identifiers(self) -> Iterator[Dataset]:
        """One request each: of lists of UIDs not every PACS understands more than the first."""
        for series_instance_uid in self.series_instance_uids or ("",):
            identifier = Dataset()
            identifier.QueryRetrieveLevel = "SERIES" if series_instance_uid else "STUDY"
            identifier.StudyInstanceUID = self.study_instance_uid
            if series_instance_uid:
                identifier.SeriesInstanceUID = series_instance_uid
            yield identifier


@dataclass(frozen=True)
class Retrieved:
    """What the peer says that it did; what arrived, the ledger knows."""

    by: Way
    sent: int = 0
    failed: int = 0


@dataclass(frozen=True)
class Reception:
    """Where objects go that come on an association of ours; `name` is that of a listener."""

    engine: Engine
    spool: Spool
    name: str
    object_max_bytes: int = 2 << 30
    rules: Sequence[Rule] = ()


class RetrieveClient:
    """Retrieves from one PACS, each study on an association of its own."""

    def __init__(self, destination: Destination, ae_title: str, reception: Reception) -> None:
        silence_dicom_libraries()
        self._destination = replace(destination, dimse_timeout_seconds=_SILENCE_SECONDS)
        self._ae_title = ae_title
        self._reception = reception
        self._rows = AssociationRows(reception.engine, reception.name)
        self._rows.close_those_left_open()
        self._service = StoreService(reception.engine, self._rows, reception.rules)

    def retrieve(self, wanted: Wanted, by: Way = Way.AUTO) -> Retrieved:
        """Have it sent; PeerUnavailable or PeerRefused says in words what the peer will not do."""
        association = self._associate(wanted, by)
        try:
            retrieved = self._retrieve(association, wanted, by)
            association.release()
        finally:
            self._clear_up(association)
        log.info(
            "retrieved",
            study=wanted.study_instance_uid,
            by=retrieved.by.value,
            sent=retrieved.sent,
            failed=retrieved.failed,
        )
        return retrieved

    def _associate(self, wanted: Wanted, by: Way) -> Association:
        models = {Way.GET: [STUDY_ROOT_GET], Way.MOVE: [STUDY_ROOT_MOVE]}
        asked = models.get(by, [STUDY_ROOT_GET, STUDY_ROOT_MOVE])
        proposals = [(model, syntax) for model in asked for syntax in QUERY_SYNTAXES]
        proposals += VERIFICATION_PROPOSALS  # so that a refusal of the models can be told
        storage = _storage_proposals(wanted.sop_classes, _CONTEXTS_MAX - len(proposals))
        if by is Way.MOVE:
            storage = []
        return associate(
            self._destination,
            self._ae_title,
            proposals + storage,
            served_sop_classes=sorted({sop_class for sop_class, _ in storage}),
            handlers=[
                (evt.EVT_CONN_OPEN, self._receive_by_the_spool),
                (evt.EVT_C_STORE, self._service.handle_store),
            ],
        )

    def _receive_by_the_spool(self, event: Any) -> None:
        reception = self._reception
        event.assoc.dimse = RetrievingDimse(
            event.assoc, reception.spool, reception.object_max_bytes
        )

    def _retrieve(self, association: Association, wanted: Wanted, by: Way) -> Retrieved:
        model = self._model(association, by)
        way = Way.GET if model == STUDY_ROOT_GET else Way.MOVE
        sent = failed = 0
        for identifier in wanted.identifiers():
            final = self._final_answer(association, model, identifier)
            failed += final.get("NumberOfFailedSuboperations") or 0
            sent += final.get("NumberOfCompletedSuboperations") or 0
            sent += final.get("NumberOfWarningSuboperations") or 0
        return Retrieved(way, sent, failed)

    def _model(self, association: Association, by: Way) -> str:
        """What to ask by: C-GET only if the peer may send objects the other way."""
        accepted = {one.abstract_syntax: one for one in association.accepted_contexts}
        if STUDY_ROOT_GET in accepted and any(one.as_scp for one in accepted.values()):
            return str(STUDY_ROOT_GET)
        if STUDY_ROOT_MOVE in accepted:
            return str(STUDY_ROOT_MOVE)
        words = {Way.GET: "C-GET", Way.MOVE: "C-MOVE"}.get(by, "neither C-GET nor C-MOVE")
        does = "takes" if by is Way.AUTO else "does not take"
        raise PeerRefused(f"{self._destination} {does} {words} from us; enable it there")

    def _final_answer(self, association: Association, model: str, identifier: Dataset) -> Dataset:
        if not association.is_established:
            raise trouble(self._destination, None, self._ae_title)
        if model == STUDY_ROOT_GET:
            answers = association.send_c_get(identifier, model)
        else:
            answers = association.send_c_move(identifier, self._ae_title, model)
        final = Dataset()
        for final, _ in answers:
            if final.get("Status") not in PENDING:
                break
        if final.get("Status") not in (SUCCESS, SOME_FAILED):
            raise trouble(self._destination, final.get("Status"), self._ae_title)
        return final

    def _clear_up(self, association: Association) -> None:
        if association.is_established:
            association.abort()
        association.dimse.end_all_transfers()
        self._rows.end(association)


class RetrievingDimse(ReceivingDimse):
    """Takes data sets as the listener does, on an association that we asked for."""

    _heard_at = 0.0

    def receive_primitive(self, primitive: Any) -> None:
        """What pynetdicom's own upper layer hands on: a PDU's presentation data values."""
        for context_id, value in primitive.presentation_data_value_list:
            self._heard_at = time.monotonic()
            self.receive_value(context_id, memoryview(value))

    def get_msg(self, block: bool = False) -> Any:
        """The next message; none once the connection is over or silent for the DIMSE timeout."""
        if not block:
            return None, None  # pynetdicom's own thread must take nothing from who waits for it
        self._heard_at = time.monotonic()
        while True:
            try:
                return self.msg_queue.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                silent = time.monotonic() - self._heard_at > self.dimse_timeout
                if silent or not self.dul.is_alive():
                    return None, None


def _storage_proposals(sop_classes: frozenset[str], contexts: int) -> list[tuple[str, str]]:
    """Contexts of one syntax each, so that the PACS may send every object as it has it.

    Where there are too many classes for that, compressed objects of some will be converted by it.
    """
    chosen = sorted((sop_classes & STORAGE_SOP_CLASSES) or ANALYSED_SOP_CLASSES)
    if len(chosen) * len(TRANSFER_SYNTAXES) <= contexts:
        syntaxes = TRANSFER_SYNTAXES
    else:
        syntaxes = TRANSFER_SYNTAXES[: max(1, contexts // len(chosen))]
    return [(sop_class, syntax) for syntax in syntaxes for sop_class in chosen][:contexts]
