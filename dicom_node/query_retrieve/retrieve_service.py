"""Answers C-MOVE and C-GET: sends results as they are kept (PS3.4 C.4.2, C.4.3)."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import structlog
from pynetdicom import _config
from sqlalchemy import Engine

from db.audit import PEER, Outcome
from db.audit_receptions import Carried
from db.audit_transfers import Sending, record_begun, record_sent
from db.purged import purged_sentence
from db.result_catalogue import CataloguedInstance, InstanceSelection, purged_at
from db.session import LedgerUnavailable, reading, transaction
from dicom_node.default_syntax import accepted_syntax, file_in_syntax, result_proposals
from dicom_node.discretion import last_place, printable
from dicom_node.peer import Destination, PeerTrouble, associate
from dicom_node.query_retrieve.catalogue_pages import instances_by_page
from dicom_node.query_retrieve.query_identifier import (
    UNIQUE_KEYS,
    Level,
    QueryStatus,
    Refusal,
    read_identifier,
    require_unique_key,
)
from dicom_node.query_retrieve.retrieve_responses import Responses, SubOperations
from dicom_node.spool import Spool, SpoolError
from dicom_node.statuses import Verdict, verdict_on

log = structlog.get_logger(__name__)

_PAGE_INSTANCES = 1000
_MESSAGE_ID_MAX = 65535
_UNIQUE_KEYS = {level: frozenset(UNIQUE_KEYS.values()) for level in Level}


@dataclass
class _Course:
    """How a retrieval went, for the log."""

    started_at: float
    operations: SubOperations
    level: str = ""
    status: QueryStatus = QueryStatus.CANCELLED
    reason: str = ""
    sending: Sending | None = None  # once it has begun
    sent: Carried = field(default_factory=dict)  # of each study that is to be sent


class RetrieveService:
    """Sends what a peer names by unique keys: to a known destination, or to itself.

    A request for more than `instance_limit` objects is refused before anything is sent.
    """

    def __init__(
        self,
        engine: Engine,
        spool: Spool,
        destinations: Sequence[Destination] = (),
        *,
        instance_limit: int = 10_000,
    ) -> None:
        _config.STORE_SEND_CHUNKED_DATASET = True  # pynetdicom then sends a file as it is
        self._engine = engine
        self._spool = spool
        self._destinations = {destination.ae_title: destination for destination in destinations}
        self._instance_limit = instance_limit

    def handle_get(self, event: Any) -> Iterator[Any]:
        """The handler of EVT_C_GET: yields the responses as they are due."""
        return self._handle(event, self._get)

    def handle_move(self, event: Any) -> Iterator[Any]:
        """The handler of EVT_C_MOVE: yields the responses as they are due."""
        return self._handle(event, self._move)

    def _handle(
        self, event: Any, retrieve: Callable[[Any, "_Course"], Iterator[Any]]
    ) -> Iterator[Any]:
        """Any exception ends here, as a status."""
        course = _Course(time.monotonic(), SubOperations(0))
        responses = Responses(event)
        try:
            yield from retrieve(event, course)
            return
        except Refusal as refusal:
            course.status, course.reason = refusal.status, str(refusal)
        except LedgerUnavailable as error:
            log.warning("ledger_unavailable", error=str(error))
            course.status, course.reason = QueryStatus.MATCHES_UNCOUNTED, "the database is away"
        except Exception as error:  # noqa: BLE001 - the peer gets an answer whatever happened
            log.error("retrieval_failed", error=type(error).__name__, at=last_place(error))
            course.status = QueryStatus.UNABLE_TO_PROCESS
            course.reason = "unforeseen error, see the node's log"
        finally:
            self._note_end(course)
            _log_retrieval(event, course)
        yield responses.refused(course.status, course.reason)

    def _get(self, event: Any, course: _Course) -> Iterator[Any]:
        instances = self._selected(event, course)
        self._note_begin(event, instances, course)
        line = _Line(event, event.assoc, self._spool)
        yield from _send_all(line, instances, course)

    def _move(self, event: Any, course: _Course) -> Iterator[Any]:
        destination = self._destinations.get(event.move_destination or "")
        if destination is None:
            raise Refusal(
                QueryStatus.MOVE_DESTINATION_UNKNOWN, "not a destination of this node: add it there"
            )
        instances = self._selected(event, course)
        if not instances:
            yield from _send_all(_Line(event, None, self._spool), instances, course)
            return
        try:
            with _associated(destination, event, instances) as association:
                self._note_begin(event, instances, course, peer=str(destination))
                line = _Line(event, association, self._spool, is_move=True)
                yield from _send_all(line, instances, course)
        except PeerTrouble as trouble:
            log.warning("move_destination_unreachable", reason=str(trouble))
            yield _nothing_sent(event, instances, course)

    def _note_begin(
        self,
        event: Any,
        instances: Sequence[CataloguedInstance],
        course: _Course,
        peer: str | None = None,
    ) -> None:
        """For the audit trail: what cannot be noted is not sent."""
        asked_by = event.assoc.requestor
        sending = Sending(printable(asked_by.ae_title), PEER, asked_by.address, peer)
        studies = dict.fromkeys(instance.study_instance_uid for instance in instances)
        with transaction(self._engine) as session:
            record_begun(session, sending, studies)
        course.sending, course.sent = sending, {uid: {} for uid in studies}

    def _note_end(self, course: _Course) -> None:
        if course.sending is None:
            return
        outcome = Outcome.FAILED if course.operations.failed_uids else Outcome.DONE
        try:
            with transaction(self._engine) as session:
                record_sent(session, course.sending, course.sent, outcome=outcome)
        except LedgerUnavailable:  # that it began is in the trail
            log.warning("sending_not_noted", reason="the database is away")

    def _selected(self, event: Any, course: _Course) -> list[CataloguedInstance]:
        identifier = read_identifier(event, _UNIQUE_KEYS)
        require_unique_key(identifier)
        course.level = str(identifier.level)
        selection = InstanceSelection(*(identifier.uids(level) for level in Level))
        found = instances_by_page(self._engine, selection, _PAGE_INSTANCES)
        instances = list(islice(found, self._instance_limit + 1))
        if len(instances) > self._instance_limit:
            raise Refusal(
                QueryStatus.MATCHES_UNCOUNTED, f"more than {self._instance_limit}: ask for less"
            )
        course.operations = SubOperations(len(instances))
        if not instances:
            course.reason = self._said_of_purged(selection)
        return instances

    def _said_of_purged(self, selection: InstanceSelection) -> str:
        """A node that is asked for what retention removed has nothing to send, and no failure."""
        with reading(self._engine) as session:
            moment = purged_at(session, selection)
        return "" if moment is None else purged_sentence(moment)


class _Line:
    """An association on which results go out, in answer to one request."""

    def __init__(
        self, event: Any, association: Any, spool: Spool, *, is_move: bool = False
    ) -> None:
        self.event = event
        self._association = association
        self._spool = spool
        self._originator = {}
        if is_move:  # PS3.7 9.1.1.1: who asked, and under which message
            self._originator = {
                "originator_aet": event.assoc.requestor.ae_title,
                "originator_id": event.request.MessageID,
            }

    @property
    def is_cut(self) -> bool:
        """Whether the peer that asked has gone."""
        return bool(self.event.assoc.acse.is_aborted()) or not self.event.assoc.is_established

    def send(self, number: int, instance: CataloguedInstance) -> Verdict:
        """Send one object, the number-th, and judge the answer; the log says why one failed."""
        syntax = accepted_syntax(self._association, instance.sop_class_uid)
        if syntax is None:
            return _failed(
                instance, "its SOP class is not accepted in a transfer syntax of results"
            )
        try:
            with self._spool.open(instance.spool_key) as stream:
                path = Path(str(stream.name))
            with file_in_syntax(syntax, path) as file:
                status = self._association.send_c_store(
                    file, msg_id=self._message_id(number), **self._originator
                ).get("Status")
        except (SpoolError, OSError) as error:
            return _failed(instance, f"cannot be read: {type(error).__name__}")
        except RuntimeError:  # pynetdicom: no longer established
            return _failed(instance, "the association is gone")
        if status is None:
            return _failed(instance, "no answer")
        verdict = verdict_on(status)
        return verdict if verdict in _STORED else _failed(instance, f"status 0x{status:04X}")

    def _message_id(self, number: int) -> int:
        return int(self.event.request.MessageID + number - 1) % _MESSAGE_ID_MAX + 1


_STORED = (Verdict.STORED, Verdict.STORED_WITH_WARNING)


def _failed(instance: CataloguedInstance, reason: str) -> Verdict:
    log.warning("sub_operation_failed", sop_instance_uid=instance.sop_instance_uid, reason=reason)
    return Verdict.ASK_A_PERSON


def _send_all(
    line: _Line, instances: Sequence[CataloguedInstance], course: _Course
) -> Iterator[Any]:
    """One after the other, with a response after each; a C-CANCEL counts between two."""
    operations, responses = course.operations, Responses(line.event)
    for number, instance in enumerate(instances, start=1):
        if line.is_cut:
            course.reason = "the peer that asked has gone"
            return
        if line.event.is_cancelled:
            yield responses.final(QueryStatus.CANCELLED, operations)
            return
        verdict = line.send(number, instance)
        operations.note(instance.sop_instance_uid, verdict)
        if verdict in _STORED:
            sent = course.sent[instance.study_instance_uid]
            sent[instance.sop_class_uid] = sent.get(instance.sop_class_uid, 0) + 1
        if operations.remaining:
            yield responses.pending(operations)
    course.status = operations.final_status()
    yield responses.final(course.status, operations)


@contextmanager
def _associated(
    destination: Destination, event: Any, instances: Sequence[CataloguedInstance]
) -> Iterator[Any]:
    """An association with the destination, for the classes of the objects."""
    proposals = result_proposals(sorted({instance.sop_class_uid for instance in instances}))
    association = associate(destination, event.assoc.acceptor.ae_title, proposals)
    try:
        yield association
    finally:
        association.release()


def _nothing_sent(event: Any, instances: Sequence[CataloguedInstance], course: _Course) -> Any:
    for instance in instances:
        course.operations.note(instance.sop_instance_uid, Verdict.TRY_AGAIN)
    course.status, course.reason = QueryStatus.NOTHING_SENT, "the destination does not take them"
    return Responses(event).final(course.status, course.operations, course.reason)


def _log_retrieval(event: Any, course: _Course) -> None:
    operations = course.operations
    log.info(
        "results_retrieved",
        by="C-GET" if event.event.name == "EVT_C_GET" else "C-MOVE",
        association_id=event.assoc.dimse.association_id,
        calling_ae_title=printable(event.assoc.requestor.ae_title),
        address=event.assoc.requestor.address,
        query_level=course.level or None,
        completed=operations.completed,
        warnings=operations.warnings,
        failed=len(operations.failed_uids),
        remaining=operations.remaining,
        milliseconds=round((time.monotonic() - course.started_at) * 1000, 1),
        status=f"0x{course.status:04X}",
        reason=course.reason or None,
    )
