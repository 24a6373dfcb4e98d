"""`/verdicts`: what readers say of the findings."""

import json
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import JSONResponse, Response

from db.audit import Action, record_event
from db.session import reading, transaction
from db.study_view import StudyView, read_study
from db.verdicts import GivenVerdict, Judgement, list_verdicts, save_verdict, verdicts_of_study
from web.access.audit import event_of, note
from web.access.guard import Visitor
from web.access.scopes import ReadsStudies, WritesVerdicts
from web.api.answers import ShortBodyRoute, answer, next_page
from web.api.filters import VerdictFilter
from web.api.studies import NO_SUCH_STUDY, StudyUid
from web.api.study_documents import GivenOpinion, VerdictDocument, VerdictList
from web.study.judging import NotSaid, VerdictForm
from web.vocabulary import vocabulary_of
from web.window import InWindow, Window

router = APIRouter(route_class=ShortBodyRoute, tags=["verdicts"])


@router.get("/verdicts", responses={200: {"model": VerdictList}})
def read_verdicts(
    request: Request,
    window: InWindow,
    visitor: ReadsStudies,
    asked: Annotated[VerdictFilter, Query()],
) -> Response:
    """Every verdict, the newest first."""
    note(window, visitor, Action.VERDICTS_VIEWED)
    with reading(window.ledger) as session:
        found = list_verdicts(session, before_id=asked.after, limit=asked.limit + 1)
    items = [VerdictDocument.model_validate(one) for one in found[: asked.limit]]
    more = len(found) > asked.limit
    following = next_page(request, str(items[-1].verdict_id) if more else None)
    return answer(request, VerdictList(items=items, next=following), following=following)


@router.post(
    "/studies/{study_instance_uid}/verdicts",
    status_code=201,
    responses={201: {"model": VerdictDocument}},
)
def give_verdict(
    window: InWindow, visitor: WritesVerdicts, study_instance_uid: StudyUid, given: GivenOpinion
) -> Response:
    """Judge the study or an image of it, as its answer and its newest report now stand."""
    with reading(window.ledger) as session:
        view = read_study(session, study_instance_uid)
    if view is None:
        raise HTTPException(404, NO_SUCH_STUDY)
    saved = _save(window, visitor, _judgement(window, visitor, view, given))
    document = VerdictDocument.model_validate(saved)
    return JSONResponse(document.model_dump(mode="json"), 201)


def _judgement(window: Window, visitor: Visitor, view: StudyView, given: GivenOpinion) -> Judgement:
    """Raises HTTPException with a sentence where the verdict does not say enough."""
    words = vocabulary_of(window)
    for name, word, known in (
        ("region", given.region, words.regions),
        ("type", given.type, words.types),
    ):
        if word and word not in known:
            raise HTTPException(422, f"{name} is one of {', '.join(known)}")
    form = VerdictForm(
        image=_image(view, given.sop_instance_uid),
        opinion=given.opinion.value,
        finding=given.finding.value if given.finding else "",
        region=given.region,
        type=given.type,
        boxes=json.dumps([box.model_dump() for box in given.boxes]),
        comment=given.comment,
        revision=str(view.newest_revision or ""),
    )
    try:
        return form.judgement(view.row["study_instance_uid"], visitor.name, words)
    except NotSaid as refusal:
        raise HTTPException(422, str(refusal)) from refusal


def _image(view: StudyView, sop_instance_uid: str | None) -> str:
    """With the number of its answer, as the page's form has it."""
    if sop_instance_uid is None:
        return ""
    for one in view.images:
        if one.row["sop_instance_uid"] == sop_instance_uid:
            return f"{sop_instance_uid} {one.analysis_id or ''}"
    raise HTTPException(404, "The study has no such image.")


def _save(window: Window, visitor: Visitor, judgement: Judgement) -> GivenVerdict:
    """With the note of who gave it, or not at all."""
    uid = judgement.study_instance_uid
    detail = judgement.opinion.value
    event = event_of(visitor, Action.VERDICT_GIVEN, study_instance_uid=uid, detail=detail)
    with transaction(window.ledger) as session:
        verdict_id = save_verdict(session, judgement)
        record_event(session, event)
        return next(one for one in verdicts_of_study(session, uid) if one.verdict_id == verdict_id)
