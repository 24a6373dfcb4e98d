"""The trial's page, an image tried on it, and the same image sent as a study."""

from base64 import b64encode
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import ValidationError

from db.audit import Action
from dicom_node.results import codes
from model.artefact import ARTEFACT_TROUBLE
from model.card import Card
from web.access.audit import note
from web.access.guard import Reader, Visitor
from web.pages import render
from web.trial import identity as identities
from web.trial.identity import Identity
from web.trial.pictures import heatmap_png, preview_png
from web.trial.sending import file_to_send, now_at, send
from web.trial.trying import Trial, classifier_of, try_file, warm_up
from web.trial.upload import HEAD_MAX_BYTES, MAX_FILE_BYTES, Uploaded, require_file_size
from web.window import InWindow, Window

router = APIRouter()
_NO_HEAD = "The request says nothing before the file: reload the page."


@router.get("/try")
def page(request: Request, window: InWindow, visitor: Reader) -> HTMLResponse:
    """The place to drop files at; the classifier is loaded meanwhile."""
    warm_up(window)
    card, trouble = _card(window)
    return render(
        request,
        visitor,
        "trial/page.html",
        card=card,
        trouble=trouble,
        max_file_bytes=MAX_FILE_BYTES,
        max_files=identities.MAX_FILES,
        defaults=identities,
        regions={word: code.meaning for word, code in codes.REGIONS.items()},
        destinations=[peer.name for peer in window.plan.peers if peer.is_destination],
    )


@router.post("/try/predict")
def predict(request: Request, window: InWindow, visitor: Reader, encoded: Uploaded) -> JSONResponse:
    """What the classifier says of the file that is the body, in words, numbers and pictures."""
    require_file_size(encoded)
    trial = try_file(window, encoded)
    note(window, visitor, Action.IMAGE_TRIED, detail=trial.kind)
    return JSONResponse(
        {
            "kind": trial.kind,
            "result": trial.row,
            "card": _card_text(request, window, visitor, trial),
            "milliseconds": round(1000 * trial.seconds),
            **_pictures(trial),
        }
    )


@router.post("/try/send")
def send_as_study(window: InWindow, visitor: Reader, body: Uploaded) -> JSONResponse:
    """The body: a line of JSON as trial/identity.py reads it, and behind it the file."""
    identity, encoded = _parted(body)
    begun = identity.begun or now_at(window.plan)
    file = file_to_send(window, identity, begun, encoded)
    # First: what cannot be written down is not sent.
    note(window, visitor, Action.STUDY_SENT, study_instance_uid=file.study_instance_uid)
    send(window.plan, file)
    return JSONResponse({"study_instance_uid": file.study_instance_uid, "begun": begun})


def _card(window: Window) -> tuple[Card | None, str]:
    """The card of the classifier, or why there is none."""
    try:
        return window.card, ""
    except ARTEFACT_TROUBLE as trouble:
        return None, str(trouble)


def _card_text(request: Request, window: Window, visitor: Visitor, trial: Trial) -> str:
    points = classifier_of(window).card.operating_points
    answer = render(request, visitor, "trial/card.html", trial=trial, row=trial.row, points=points)
    return bytes(answer.body).decode()


def _pictures(trial: Trial) -> dict[str, Any]:
    """PNG in base64, and what the stored image measures; None where there is nothing to show."""
    if trial.shown is None or trial.prediction is None:
        return {"preview": None, "heatmap": None, "image": None}
    rows, columns = trial.shown.pixels.shape
    heatmap = trial.prediction.heatmap
    return {
        "preview": _text(preview_png(trial.shown)),
        "heatmap": None if heatmap is None else _text(heatmap_png(heatmap)),
        "image": {"rows": rows, "columns": columns, "aspect": trial.shown.pixel_aspect},
    }


def _text(png: bytes) -> str:
    return b64encode(png).decode()


def _parted(body: bytes) -> tuple[Identity, bytes]:
    """What stands before the file, and the file; HTTPException 422 says what is wrong with it."""
    head, line_end, encoded = body[:HEAD_MAX_BYTES].partition(b"\n")
    if not line_end:
        raise HTTPException(422, _NO_HEAD)
    encoded = body[len(head) + 1 :]
    require_file_size(encoded)
    try:
        return Identity.model_validate_json(head), encoded
    except ValidationError as wrong:
        first = wrong.errors()[0]
        field = str(first["loc"][0]).replace("_", " ") if first["loc"] else "form"
        raise HTTPException(422, f"The {field}: {first['msg']}.") from wrong
