"""The FHIR R4 interface over the ledger: read and search, never write.

Searches may name patients: put into the body of POST _search they stay out of every log on the way.
The service itself logs neither queries nor bodies.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import parse_qsl

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import Engine

from db.audit import PEER, Action, AuditRecord, record_event
from db.session import LedgerUnavailable, reading, transaction
from messages.fhir_archive import FhirArchive
from messages.fhir_conformance import capability_statement
from messages.fhir_outcome import FhirRefusal, IssueCode, invalid, operation_outcome
from messages.fhir_pages import (
    DEFAULT_COUNT,
    Place,
    parse_count,
    parse_place,
    placed_resources,
    searchset,
    take_page,
)
from messages.fhir_resources import encode
from messages.fhir_search import PARAMETERS, read_search
from messages.fhir_values import Element

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/fhir+json"
_ACCEPTED = ("*/*", "application/*", MEDIA_TYPE, "application/json")
_FORMATS = ("json", MEDIA_TYPE, "application/json")
_FORM = "application/x-www-form-urlencoded"
_BODY_MAX_BYTES = 1 << 16
_UNSHARED = {"Cache-Control": "private, no-cache"}
_PAGING = ("_count", "_cursor", "_format")

Asked = list[tuple[str, str]]
Answer = Callable[[], Response]


@dataclass(frozen=True)
class FhirPlan:
    """Where the service is reached (`https://node.hospital.example/fhir`), and what it shows."""

    base_url: str
    archive: FhirArchive


def fhir_routes(engine: Engine, plan: FhirPlan) -> APIRouter:
    """Everything under /fhir; who may ask is for the application to decide."""
    service = FhirService(engine, plan)
    router = APIRouter(prefix="/fhir")
    router.add_api_route("/metadata", service.metadata, methods=[*_READING])
    router.add_api_route("/{resource_type}", service.search, methods=[*_READING])
    router.add_api_route("/{resource_type}/_search", service.search_by_form, methods=["POST"])
    router.add_api_route("/{resource_type}/{resource_id}", service.read, methods=[*_READING])
    router.add_api_route("/{path:path}", service.refuse, methods=[*_METHODS])
    return router


_READING = ("GET", "HEAD")
_METHODS = (*_READING, "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class FhirService:
    """The interactions, each answered in a thread because the ledger is."""

    def __init__(self, engine: Engine, plan: FhirPlan) -> None:
        self._engine = engine
        self._plan = plan

    async def metadata(self, request: Request) -> Response:
        return await _answered(request, lambda: _respond(capability_statement(self._plan.base_url)))

    async def search(self, request: Request, resource_type: str) -> Response:
        asked = request.query_params.multi_items()
        return await _answered(request, lambda: self._search(request, resource_type, asked))

    async def search_by_form(self, request: Request, resource_type: str) -> Response:
        body = await request.body()
        asked = request.query_params.multi_items()
        return await _answered(
            request, lambda: self._search(request, resource_type, [*asked, *_form(request, body)])
        )

    async def read(self, request: Request, resource_type: str, resource_id: str) -> Response:
        return await _answered(request, lambda: self._read(request, resource_type, resource_id))

    async def refuse(self, request: Request) -> Response:
        return await _answered(request, lambda: _refuse(request))

    def _search(self, request: Request, resource_type: str, asked: Asked) -> Response:
        _require_known(resource_type)
        paging = dict(asked)
        filters = [pair for pair in asked if pair[0] not in _PAGING]
        strict = "handling=strict" in request.headers.get("prefer", "").replace(" ", "")
        archive = self._plan.archive
        search = read_search(resource_type, filters, archive.site, strict=strict)
        count = parse_count(paging["_count"]) if "_count" in paging else DEFAULT_COUNT
        start = parse_place(paging["_cursor"]) if "_cursor" in paging else Place()
        self._note(request, f"FHIR search {resource_type}")
        with reading(self._engine) as session:
            placed = placed_resources(session, archive, resource_type, search, start)
            page = take_page(placed, search, count)
        return _respond(searchset(self._plan.base_url, resource_type, search, count, page))

    def _note(self, request: Request, what: str) -> None:
        """For the audit trail, without a key or an id; what cannot be noted is not told."""
        address = request.client.host if request.client else ""
        event = AuditRecord("FHIR", PEER, Action.SEARCH_ANSWERED, address, detail=what)
        with transaction(self._engine) as session:
            record_event(session, event)

    def _read(self, request: Request, resource_type: str, resource_id: str) -> Response:
        _require_known(resource_type)
        archive = self._plan.archive
        search = read_search(resource_type, [("_id", resource_id)], archive.site, strict=True)
        self._note(request, f"FHIR read {resource_type}")
        with reading(self._engine) as session:
            placed = placed_resources(session, archive, resource_type, search, Place())
            page = take_page(placed, search, 1)
        # Asked of a search, an id may be several with commas.
        resource = next((one for one in page.resources if one["id"] == resource_id), None)
        if resource is None:
            raise _not_found(f"there is no {resource_type} of that id")
        headers = _version_headers(resource["meta"])
        if headers["ETag"] in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=_UNSHARED | headers)
        return _respond(resource, headers=headers)


async def _answered(request: Request, answer: Answer) -> Response:
    """The answer, or the OperationOutcome of what stands in its way."""
    response = await run_in_threadpool(_answer_or_outcome, request, answer)
    log.info("fhir_answered", method=request.method, status=response.status_code)
    return response


def _answer_or_outcome(request: Request, answer: Answer) -> Response:
    try:
        _require_json(request)
        return answer()
    except FhirRefusal as refusal:
        return _respond(operation_outcome(refusal), refusal.status)
    except LedgerUnavailable as trouble:
        log.warning("ledger_unavailable", error=str(trouble))
        away = FhirRefusal(503, IssueCode.TRANSIENT, "the ledger does not answer; try again")
        return _respond(operation_outcome(away), away.status)


def _respond(
    resource: Element, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    return Response(
        encode(resource), status, _UNSHARED | dict(headers or {}), media_type=MEDIA_TYPE
    )


def _version_headers(meta: Element) -> dict[str, str]:
    """R4 3.1.0.1: the version as an ETag, and when it began."""
    etag = {"ETag": f'W/"{meta["versionId"]}"'}
    if "lastUpdated" not in meta:
        return etag
    changed_at = datetime.fromisoformat(meta["lastUpdated"]).astimezone(UTC)
    return etag | {"Last-Modified": format_datetime(changed_at, usegmt=True)}


def _refuse(request: Request) -> Response:
    if request.method in _READING:
        raise _not_found("there is nothing at this address")
    raise FhirRefusal(405, IssueCode.NOT_SUPPORTED, "the node's results can be read, not written")


def _require_known(resource_type: str) -> None:
    if resource_type not in PARAMETERS:
        raise _not_found(f"the node has {', '.join(PARAMETERS)}, and no other resources")


def _require_json(request: Request) -> None:
    wanted = [
        part.partition(";")[0].strip() for part in request.headers.get("accept", "*/*").split(",")
    ]
    stated = request.query_params.get("_format")
    fits = stated in _FORMATS if stated else any(part in _ACCEPTED for part in wanted)
    if not fits:
        raise FhirRefusal(406, IssueCode.NOT_SUPPORTED, "resources are given as JSON only")


def _form(request: Request, body: bytes) -> Asked:
    if len(body) > _BODY_MAX_BYTES:
        raise invalid("a search of such length is none")
    if body and not request.headers.get("content-type", "").startswith(_FORM):
        raise FhirRefusal(415, IssueCode.NOT_SUPPORTED, f"a search is sent as {_FORM}")
    return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)


def _not_found(sentence: str) -> FhirRefusal:
    return FhirRefusal(404, IssueCode.NOT_FOUND, sentence)
