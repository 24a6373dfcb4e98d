"""Giving a verdict on a study or an image of it."""

from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from db.audit import Action, record_event
from db.session import reading, transaction
from db.study_view import read_study
from db.verdicts import Judgement, NothingToJudge, save_verdict
from web.access.audit import event_of
from web.access.guard import Reader, Visitor
from web.pages import render, say_in
from web.study.judging import NotSaid, VerdictForm
from web.study.routes import NO_SUCH_STUDY, verdict_values
from web.vocabulary import vocabulary_of
from web.window import InWindow, Window
from web.words import N_

router = APIRouter()


@router.post("/study/{study_instance_uid}/verdict")
def give_verdict(
    request: Request,
    window: InWindow,
    visitor: Reader,
    study_instance_uid: str,
    form: Annotated[VerdictForm, Form()],
) -> Response:
    """The panel anew; 422 with a sentence, and nothing saved, where the form lacks something."""
    try:
        words = vocabulary_of(window)
        given = form.judgement(study_instance_uid, visitor.name, words)
        _save(window, visitor, given)
    except NotSaid as refusal:
        raise HTTPException(422, say_in(request)(str(refusal))) from refusal
    except NothingToJudge as refusal:
        raise HTTPException(404, say_in(request)(NO_SUCH_STUDY)) from refusal
    if "HX-Request" not in request.headers:
        return RedirectResponse(f"/study/{study_instance_uid}#verdict", 303)
    with reading(window.ledger) as session:
        view = read_study(session, study_instance_uid)
        if view is None:
            raise HTTPException(404, say_in(request)(NO_SUCH_STUDY))
        values = verdict_values(session, window, view, said=N_("Your verdict is saved."))
    return render(request, visitor, "study/verdict.html", view=view, **values)


def _save(window: Window, visitor: Visitor, given: Judgement) -> None:
    """With the note of who gave it, or not at all."""
    event = event_of(
        visitor,
        Action.VERDICT_GIVEN,
        study_instance_uid=given.study_instance_uid,
        detail=given.opinion.value,
    )
    with transaction(window.ledger) as session:
        save_verdict(session, given)
        record_event(session, event)
