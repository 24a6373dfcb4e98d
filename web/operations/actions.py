"""What an administrator may do: requeue, ask a peer, try the whole node with a phantom."""

from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, Field

from db.audit import Action
from db.job_list import dead_jobs_like, requeue_jobs
from db.session import reading, transaction
from dicom_node.self_test import SelfTest
from dicom_node.self_test_study import new_study_uid
from web.access.audit import note
from web.access.guard import Administrator, Visitor
from web.operations.desk import InDesk
from web.operations.routes import show, show_dead_letters, show_present, test_values
from web.pages import say_in
from web.window import InWindow, Window
from web.words import N_

router = APIRouter()
# Few enough that who receives an image does not wait for the lock.
_AT_ONCE = 200
_REQUEUED = N_("%(done)s of %(tried)s requeued.")
_NONE_LEFT = N_("Nothing was left to requeue.")
JobNumber = Annotated[int, Field(ge=1, le=2**31 - 1)]


class Requeued(BaseModel):
    """One dead job, or one that stands for all that died of the same reason."""

    job: JobNumber | None = None
    like: JobNumber | None = None


@router.post("/operations/requeue")
def requeue(
    request: Request,
    window: InWindow,
    desk: InDesk,
    visitor: Administrator,
    asked: Annotated[Requeued, Form()],
) -> Response:
    done, tried = _requeue_asked(window, visitor, asked)
    said = say_in(request)(_REQUEUED if tried else _NONE_LEFT) % {"done": done, "tried": tried}
    target = request.headers.get("HX-Target")
    if target == "now":
        return show_present(request, window, desk, visitor, said)
    if target == "letters":
        return show_dead_letters(request, window, visitor, after=0, said=said)
    return RedirectResponse("/operations" if asked.like else "/operations/dead-letters", 303)


def _requeue_asked(window: Window, visitor: Visitor, asked: Requeued) -> tuple[int, int]:
    """How many were requeued, of how many."""
    if asked.job is not None:
        note(window, visitor, Action.JOB_REQUEUED, detail=f"job {asked.job}")
        return _requeue(window, [asked.job])
    if asked.like is None:
        raise HTTPException(400, "name a job, or one that stands for others")
    detail = f"all that died as job {asked.like} did"
    note(window, visitor, Action.JOB_REQUEUED, detail=detail)
    return _requeue_like(window, asked.like)


@router.post("/operations/peers/{number}/ask")
def ask_peer(
    request: Request, window: InWindow, desk: InDesk, visitor: Administrator, number: int
) -> Response:
    """Only those of the settings have a number."""
    peers = window.plan.peers
    if not 0 <= number < len(peers):
        raise HTTPException(404, "no such peer is in the settings")
    note(window, visitor, Action.PEER_ASKED, detail=peers[number].name)
    answer = desk.ask(peers[number])
    if request.headers.get("HX-Target") != "now":
        return RedirectResponse("/operations#neighbours", 303)
    # What is wrong with a peer is said with its name.
    said = f"{peers[number].name} {answer.said}" if answer.answered else answer.said
    return show_present(request, window, desk, visitor, said)


@router.post("/operations/self-test")
def start_self_test(
    request: Request, window: InWindow, desk: InDesk, visitor: Administrator
) -> Response:
    plan = window.plan
    if plan.listener is None:
        raise HTTPException(409, "this page does not know where the listener is")
    test = SelfTest(lambda: window.ledger, plan.listener, plan.ae_title)
    run = desk.start_test(test, new_study_uid)
    if run is not None:
        note(window, visitor, Action.SELF_TEST, study_instance_uid=run.study_instance_uid)
    if request.headers.get("HX-Target") != "self-test":
        return RedirectResponse("/operations#self-test", 303)
    return show(request, visitor, "operations/self_test.html", **test_values(window, desk))


def _requeue(window: Window, ids: list[int]) -> tuple[int, int]:
    """Not where another such job is open, or its study is blocked."""
    with transaction(window.ledger) as session:
        return requeue_jobs(session, ids), len(ids)


def _requeue_like(window: Window, job_id: int) -> tuple[int, int]:
    with reading(window.ledger) as session:
        ids = dead_jobs_like(session, job_id)
    batches = (ids[begin : begin + _AT_ONCE] for begin in range(0, len(ids), _AT_ONCE))
    return sum(_requeue(window, batch)[0] for batch in batches), len(ids)
