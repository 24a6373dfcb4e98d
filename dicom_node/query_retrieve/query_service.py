"""Answers C-FIND in the Study Root model: which results there are (PS3.4 C.4.1)."""

import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import structlog
from pydicom.dataset import Dataset
from pynetdicom import _config
from sqlalchemy import Engine

from db.result_catalogue import (
    CataloguedInstance,
    CataloguedStudy,
    InstanceSelection,
    StudyNarrowing,
    find_instances,
    find_studies,
)
from db.session import LedgerUnavailable, reading
from dicom_node.discretion import printable
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
from dicom_node.query_retrieve.query_keys import date_range, like_pattern
from dicom_node.spool import Spool

log = structlog.get_logger(__name__)

Response: TypeAlias = tuple[Dataset | int, Dataset | None]

_PAGE_STUDIES = 200
_PAGE_INSTANCES = 500
_LIKE_KEYS = {
    "PatientName": "patient_name",
    "PatientID": "patient_id",
    "AccessionNumber": "accession_number",
}


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

    def _candidates(self, identifier: Identifier) -> Iterator[Candidate]:
        for study in self._studies(_narrowing(identifier)):
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

    def _studies(self, narrowing: StudyNarrowing) -> Iterator[CataloguedStudy]:
        """Page by page, each in a short transaction of its own, however slow the peer is."""
        before_id = None
        while True:
            with reading(self._engine) as session:
                page = find_studies(session, narrowing, before_id=before_id, limit=_PAGE_STUDIES)
            yield from page
            if len(page) < _PAGE_STUDIES:
                return
            before_id = page[-1].id

    def _instances(self, identifier: Identifier) -> Iterator[CataloguedInstance]:
        selection = InstanceSelection(*(identifier.uids(level) for level in Level))
        return instances_by_page(self._engine, selection, _PAGE_INSTANCES)


def instances_by_page(
    engine: Engine, selection: InstanceSelection, page_size: int
) -> Iterator[CataloguedInstance]:
    """All the selected results, read in short transactions."""
    after_id = 0
    while True:
        with reading(engine) as session:
            page = find_instances(session, selection, after_id=after_id, limit=page_size)
        yield from page
        if len(page) < page_size:
            return
        after_id = page[-1].id


def last_place(error: Exception) -> str:
    """Where it happened; the message itself may hold a patient's values."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{frame.filename}:{frame.lineno}"


def _narrowing(identifier: Identifier) -> StudyNarrowing:
    """What the database can leave out, of what the keys leave out."""
    asked = {
        keyword: key.values[0]
        for keyword, key in identifier.keys.items()
        if len(key.values) == 1 and not key.is_universal
    }
    first, last = date_range(asked["StudyDate"]) if "StudyDate" in asked else ("", "")
    return StudyNarrowing(
        study_instance_uids=identifier.uids(Level.STUDY),
        first_date=first,
        last_date=last,
        texts={name: like_pattern(asked[key]) for key, name in _LIKE_KEYS.items() if key in asked},
    )


def _log_query(event: Any, course: _Course) -> None:
    log.info(
        "c_find",
        association_id=event.assoc.dimse.association_id,
        calling_ae_title=printable(event.assoc.requestor.ae_title),
        address=event.assoc.requestor.address,
        level=course.level or None,
        matches=course.matches,
        milliseconds=round((time.monotonic() - course.started_at) * 1000, 1),
        status=f"0x{course.status:04X}",
        reason=course.reason or None,
    )
