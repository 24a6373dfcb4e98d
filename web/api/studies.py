"""`/studies` and `/deliveries`: the worklist, and all that the ledger knows of one study."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query, Request
from fastapi.responses import Response

from db.audit import Action
from db.periods import first_moment
from db.result_query import ResultQuery, every_result
from db.results import delivery_page, delivery_results
from db.session import reading
from db.study_view import StudyView, read_study
from db.worklist import WorklistQuery, read_worklist
from web.access.audit import note
from web.access.scopes import ReadsStudies
from web.api.answers import ShortBodyRoute, answer, next_page
from web.api.filters import DeliveryFilter, StudyFilter
from web.api.places import read_study_place, study_place
from web.api.result_documents import ImageResult
from web.api.study_documents import (
    DeliveryDocument,
    DeliveryList,
    ReportDocument,
    StudyDocument,
    StudyEntry,
    StudyList,
    StudyResult,
)
from web.window import InWindow, Window

router = APIRouter(route_class=ShortBodyRoute, tags=["studies"])
StudyUid = Annotated[str, Path(max_length=64, pattern=r"^[0-9.]+$")]
NO_SUCH_STUDY = "This node has no such study."


@router.get("/studies", responses={200: {"model": StudyList}})
def list_studies(
    request: Request,
    window: InWindow,
    visitor: ReadsStudies,
    asked: Annotated[StudyFilter, Query()],
) -> Response:
    """The worklist, narrowed and ordered as on its page."""
    note(window, visitor, Action.WORKLIST_VIEWED)
    with reading(window.ledger) as session:
        page = read_worklist(session, _query(window, asked))
    more = page.has_after and bool(page.rows)
    following = next_page(request, study_place(page.rows[-1].cursor) if more else None)
    items = [StudyEntry.model_validate(row) for row in page.rows]
    return answer(request, StudyList(items=items, next=following), following=following)


@router.get("/studies/{study_instance_uid}", responses={200: {"model": StudyDocument}})
def read_one_study(
    request: Request, window: InWindow, visitor: ReadsStudies, study_instance_uid: StudyUid
) -> Response:
    """A study with its images, reports and deliveries."""
    with reading(window.ledger) as session:
        view = read_study(session, study_instance_uid)
        if view is None:
            raise HTTPException(404, NO_SUCH_STUDY)
        deliveries = delivery_results(session, study_instance_uid)
    note(window, visitor, Action.STUDY_VIEWED, study_instance_uid=study_instance_uid)
    images = every_result(window.ledger, ResultQuery(study_instance_uid=study_instance_uid))
    document = StudyDocument(
        study=_study(view),
        images=[ImageResult.model_validate(row) for row in images],
        reports=[ReportDocument.model_validate(one.row) for one in view.revisions],
        deliveries=[DeliveryDocument.model_validate(row) for row in deliveries],
    )
    return answer(request, document)


@router.get("/deliveries", responses={200: {"model": DeliveryList}})
def list_deliveries(
    request: Request,
    window: InWindow,
    visitor: ReadsStudies,
    asked: Annotated[DeliveryFilter, Query()],
) -> Response:
    """What each destination got of each report, as `osteon results --deliveries` prints it."""
    uid = asked.study or None
    note(window, visitor, Action.RESULTS_VIEWED, study_instance_uid=uid, detail="deliveries")
    with reading(window.ledger) as session:
        rows = delivery_page(
            session,
            study_instance_uid=asked.study,
            destination=asked.destination,
            after_id=asked.after,
            limit=asked.limit + 1,
        )
    items = [DeliveryDocument.model_validate(row) for row in rows[: asked.limit]]
    more = len(rows) > asked.limit
    following = next_page(request, str(items[-1].consignment_id) if more else None)
    return answer(request, DeliveryList(items=items, next=following), following=following)


def _query(window: Window, asked: StudyFilter) -> WorklistQuery:
    since = None if asked.since is None else first_moment(asked.since, window.plan.time_zone)
    return WorklistQuery(
        order=asked.order,
        state=asked.state or "",
        finding=asked.finding or "",
        source_ae_title=asked.source,
        region=asked.region,
        search=asked.search,
        since=since,
        after=read_study_place(asked.after) if asked.after else None,
        limit=asked.limit,
    )


def _study(view: StudyView) -> StudyResult:
    return StudyResult.model_validate(asdict(view.identity) | view.row)
