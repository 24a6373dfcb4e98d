"""Answers C-STORE: Success means that the object is on the disk and in the ledger, both synced."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from pydicom.dataset import Dataset
from sqlalchemy import Engine

from db.intake import Intake, record_instance
from db.session import LedgerUnavailable, transaction
from dicom_node.association_rows import AssociationRows
from dicom_node.discretion import last_place, printable
from dicom_node.header_reading import NotUnderstood
from dicom_node.received import DataSetMismatch, ReceivedObject
from dicom_node.routing.image import Origin
from dicom_node.routing.rules import Rule, decide
from dicom_node.spool import SpoolError
from dicom_node.statuses import StoreStatus
from dicom_node.transfer import Transfer

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Answer:
    """What the peer is told, and why: the reason goes to its log (Error Comment) and to ours."""

    status: StoreStatus
    reason: str = ""

    def encode(self) -> Dataset:
        response = Dataset()
        response.Status = int(self.status)
        if self.reason:
            response.ErrorComment = self.reason[:64]  # PS3.7 E.1: LO
        return response


class StoreService:
    """Takes what a transfer brought: header, identity, disk, ledger, answer, in this order."""

    def __init__(self, engine: Engine, rows: AssociationRows, rules: Sequence[Rule] = ()) -> None:
        self._engine = engine
        self._rows = rows
        self._rules = rules

    def handle_store(self, event: Any) -> Dataset:
        """The handler of EVT_C_STORE: any exception ends here, as a status."""
        transfer = event.request._dataset_file
        try:
            answer = self._answer(event, transfer)
        except Exception as error:  # noqa: BLE001 - the peer gets an answer whatever happened
            log.error("store_failed", error=type(error).__name__, at=last_place(error))
            answer = Answer(StoreStatus.PROCESSING_FAILURE, "unforeseen error, see the node's log")
        if transfer is not None:
            event.assoc.dimse.end_transfer(transfer)
        _log_store(event, transfer, answer)
        return answer.encode()

    def _answer(self, event: Any, transfer: Transfer | None) -> Answer:
        if transfer is None:
            return Answer(StoreStatus.NOT_UNDERSTOOD, "there is no data set")
        try:
            intake = self._store(event, transfer)
        except NotUnderstood as refusal:
            return Answer(StoreStatus.NOT_UNDERSTOOD, str(refusal))
        except DataSetMismatch as refusal:
            return Answer(StoreStatus.DATA_SET_MISMATCH, str(refusal))
        except SpoolError as refusal:
            return Answer(StoreStatus.OUT_OF_RESOURCES, f"spool: {refusal}")
        except LedgerUnavailable as refusal:
            log.warning("ledger_unavailable", error=str(refusal))
            return Answer(StoreStatus.OUT_OF_RESOURCES, "the database is away")
        _tell_a_person(event, intake)
        return Answer(StoreStatus.SUCCESS)

    def _store(self, event: Any, transfer: Transfer) -> Intake:
        received = _read(transfer)
        request = event.request
        received.require_identity(
            event.context.abstract_syntax,
            request.AffectedSOPClassUID,
            request.AffectedSOPInstanceUID,
        )
        spooled = transfer.keep()
        decision = decide(self._rules, received.routed(_origin(event.assoc)))
        instance = received.instance(event.assoc.dimse.association_id, spooled, decision)
        # A ledger that fails leaves the file: sent again, it takes the very same place.
        with transaction(self._engine) as session:
            self._rows.open_row(session, event.assoc)
            intake = record_instance(session, instance)
        self._rows.confirm(event.assoc, received.study_instance_uid, received.sop_class_uid)
        return intake


def _origin(association: Any) -> Origin:
    """Who it comes from, also where we asked for the association."""
    return Origin(
        calling_ae_title=str(association.remote["ae_title"]),
        called_ae_title=str(association.local["ae_title"]),
        address=association.remote["address"],
    )


def _read(transfer: Transfer) -> ReceivedObject:
    with transfer.received().reopen() as stream:
        stream.seek(transfer.data_set_offset)
        return ReceivedObject(stream, transfer.transfer_syntax_uid)


def _tell_a_person(event: Any, intake: Intake) -> None:
    if intake in (Intake.CONFLICT, Intake.BLOCKED):
        uid = printable(event.request.AffectedSOPInstanceUID)
        log.warning("instance_needs_a_person", intake=intake.value, sop_instance_uid=uid)


def _log_store(event: Any, transfer: Transfer | None, answer: Answer) -> None:
    started_at = time.monotonic() if transfer is None else transfer.started_at
    log.info(
        "c_store",
        association_id=event.assoc.dimse.association_id,
        calling_ae_title=printable(event.assoc.requestor.ae_title),
        called_ae_title=printable(event.assoc.acceptor.ae_title),
        address=event.assoc.remote["address"],
        sop_instance_uid=printable(event.request.AffectedSOPInstanceUID),
        size_bytes=0 if transfer is None else transfer.size_bytes,
        milliseconds=round((time.monotonic() - started_at) * 1000, 1),
        status=f"0x{answer.status:04X}",
        reason=answer.reason or None,
    )
