"""`/status`, `/jobs` and `/model`: how the node runs, and with which network."""

from importlib.metadata import version
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query, Request
from fastapi.responses import Response

from db.audit import Action, record_event
from db.destinations import destination_states
from db.job_list import count_jobs, list_jobs, requeue_jobs
from db.presence import processes
from db.session import reading, transaction
from db.tables import Job
from model.artefact import ARTEFACT_TROUBLE
from model.card import Card
from web.access.audit import event_of
from web.access.scopes import ReadsOperations, ReadsResults, WritesOperations
from web.api.answers import ShortBodyRoute, answer, next_page
from web.api.filters import JobFilter
from web.api.operation_documents import (
    DestinationDocument,
    JobDocument,
    JobList,
    ProcessDocument,
    Requeued,
    StatusDocument,
)
from web.window import InWindow

router = APIRouter(route_class=ShortBodyRoute, tags=["operations"])


@router.get("/model", responses={200: {"model": Card}})
def read_card(request: Request, window: InWindow, _visitor: ReadsResults) -> Response:
    """The model card of the network that is set: figures, limits, operating points."""
    try:
        card = window.card
    except ARTEFACT_TROUBLE as trouble:
        raise HTTPException(503, "The network in service cannot be read.") from trouble
    return answer(request, card)


@router.get("/status", responses={200: {"model": StatusDocument}})
def read_status(request: Request, window: InWindow, _visitor: ReadsOperations) -> Response:
    """How many jobs there are, which processes run, and how each destination fares."""
    with reading(window.ledger) as session:
        document = StatusDocument(
            version=version("osteon"),
            jobs=count_jobs(session),
            processes=[ProcessDocument.model_validate(one) for one in processes(session)],
            destinations=[
                DestinationDocument.model_validate(one) for one in destination_states(session)
            ],
        )
    return answer(request, document)


@router.get("/jobs", responses={200: {"model": JobList}})
def read_jobs(
    request: Request,
    window: InWindow,
    _visitor: ReadsOperations,
    asked: Annotated[JobFilter, Query()],
) -> Response:
    """The jobs in these states, those that are not done unless asked otherwise."""
    with reading(window.ledger) as session:
        found = list_jobs(session, states=asked.state, after_id=asked.after, limit=asked.limit + 1)
    items = [JobDocument.model_validate(job) for job in found[: asked.limit]]
    more = len(found) > asked.limit
    following = next_page(request, str(items[-1].job_id) if more else None)
    return answer(request, JobList(items=items, next=following), following=following)


@router.post("/jobs/{job_id}/requeue", responses={200: {"model": Requeued}})
def requeue(
    request: Request,
    window: InWindow,
    visitor: WritesOperations,
    job_id: Annotated[int, Path(ge=1, le=2**31 - 1)],
) -> Response:
    """Give a dead job a new start, once its cause is mended."""
    event = event_of(visitor, Action.JOB_REQUEUED, detail=f"job {job_id}")
    with transaction(window.ledger) as session:
        if session.get(Job, job_id) is None:
            raise HTTPException(404, "There is no such job.")
        if not requeue_jobs(session, [job_id]):
            sentence = "It is not dead, or another is open for the same, or its study is blocked."
            raise HTTPException(409, sentence)
        record_event(session, event)
    return answer(request, Requeued(job_id=job_id))
