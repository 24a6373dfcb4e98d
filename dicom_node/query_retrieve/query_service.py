"""Answers C-FIND in the Study Root model: which results there are (PS3.4 C.4.1)."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import structlog
from pydicom.dataset import Dataset
from pynetdicom import _config
from sqlalchemy import Engine

from db.audit import PEER, Action, AuditRecord, record_event
from db.result_catalogue import (
    CataloguedInstance,
    InstanceSelection,
)
from db.session import LedgerUnavailable, transaction
from dicom_node.discretion import last_place, printable
from dicom_node.query_retrieve.catalogue_pages import (
    instances_by_page,
    narrowing_of,
    studies_by_page,
)
from dicom_node.query_retrieve.query_answers import (
    SUPPORTED_KEYS,
    Candidate,
    Values,
    instance_values,
    series_values,
    study_values,
)
from dicom_node.query_retrieve.query_identifier import (
    Identifier,
    Level,
    QueryStatus,
    Refusal,
    read_identifier,
    status_of,
)
from dicom_node.spool import Spool

log = structlog.get_logger(__name__)

Response: TypeAlias = tuple[Dataset | int, Dataset | None]

_PAGE_INSTANCES = 500


@dataclass
class _Course:
    """How a query went, for the log: never what was asked for."""

    started_at: float
    level: str = ""
    matches: int = 0
    status: QueryStatus = QueryStatus.CANCELLED
    reason: str = ""


class QueryService:
    """Tells of matches one by one; after `match_limit` of them it asks for a narrower query.

    The matches sent until then are good: the final status, Out of Resources, says that there are
    more (PS3.4 C.4.1.1.4).
    """

    def __init__(
        self, engine: Engine, spool: Spool, ae_title: str, *, match_limit: int = 1000
    ) -> None:
        # pynetdicom would read each identifier for its log, in full and before we can refuse it.
        _config.LOG_REQUEST_IDENTIFIERS = _config.LOG_RESPONSE_IDENTIFIERS = False
        self._engine = engine
        self._spool = spool
        self._here: Values = {"RetrieveAETitle": ae_title, "InstanceAvailability": "ONLINE"}
        self._match_limit = match_limit

    def handle_find(self, event: Any) -> Iterator[Response]:
        """The handler of EVT_C_FIND: any exception ends here, as a status."""
        course = _Course(time.monotonic())
        try:
            yield from self._answer(event, course)
            return
        except Refusal as refusal:
            course.status, course.reason = refusal.status, str(refusal)
        except LedgerUnavailable as error:
            log.warning("ledger_unavailable", error=str(error))
            course.status, course.reason = QueryStatus.OUT_OF_RESOURCES, "the database is away"
        except Exception as error:  # noqa: BLE001 - the peer gets an answer whatever happened
            log.error("query_failed", error=type(error).__name__, at=last_place(error))
            course.status = QueryStatus.UNABLE_TO_PROCESS
            course.reason = "unforeseen error, see the node's log"
        finally:
            _log_query(event, course)
        yield status_of(course.status, course.reason), None

    def _answer(self, event: Any, course: _Course) -> Iterator[Response]:
        identifier = read_identifier(event, SUPPORTED_KEYS)
        course.level = str(identifier.level)
        self._note(event, course)
        pending = QueryStatus.PENDING if identifier.is_complete else QueryStatus.PENDING_IN_PART
        matchers = identifier.matchers()
        for candidate in self._candidates(identifier):
            if event.is_cancelled or event.assoc.acse.is_aborted():
                yield int(QueryStatus.CANCELLED), None
                return
            if not candidate.matches(matchers):
                continue
            if course.matches == self._match_limit:
                raise Refusal(
                    QueryStatus.OUT_OF_RESOURCES,
                    f"more than {self._match_limit} matches: narrow the query",
                )
            course.matches += 1
            yield int(pending), candidate.answer(identifier)
        course.status = QueryStatus.SUCCESS

    def _note(self, event: Any, course: _Course) -> None:
        """For the audit trail, and never what was asked for; what cannot be noted is not told."""
        asked = AuditRecord(
            actor=printable(event.assoc.requestor.ae_title),
            role=PEER,
            action=Action.QUERY_ANSWERED,
            address=event.assoc.requestor.address,
            detail=f"{course.level.lower()} level",
        )
        with transaction(self._engine) as session:
            record_event(session, asked)

    def _candidates(self, identifier: Identifier) -> Iterator[Candidate]:
        for study in studies_by_page(
            self._engine, narrowing_of(identifier, identifier.uids(Level.STUDY))
        ):
            values = self._here | study_values(study)
            if identifier.level == Level.STUDY:
                yield self._candidate(values, study.series[-1].spool_key)
            elif identifier.level == Level.SERIES:
                for series in study.series:
                    yield self._candidate(values | series_values(series), series.spool_key)
            else:
                for instance in self._instances(identifier):
                    told = {"SeriesInstanceUID": identifier.uids(Level.SERIES)[0]}
                    told |= instance_values(instance)
                    yield self._candidate(values | told, instance.spool_key)

    def _candidate(self, values: Values, spool_key: str) -> Candidate:
        return Candidate(values, partial(self._spool.open, spool_key))

    def _instances(self, identifier: Identifier) -> Iterator[CataloguedInstance]:
        selection = InstanceSelection(*(identifier.uids(level) for level in Level))
        return instances_by_page(self._engine, selection, _PAGE_INSTANCES)


def _log_query(event: Any, course: _Course) -> None:
    log.info(
        "c_find",
        association_id=event.assoc.dimse.association_id,
        calling_ae_title=printable(event.assoc.requestor.ae_title),
        address=event.assoc.requestor.address,
        query_level=course.level or None,
        matches=course.matches,
        milliseconds=round((time.monotonic() - course.started_at) * 1000, 1),
        status=f"0x{course.status:04X}",
        reason=course.reason or None,
    )
