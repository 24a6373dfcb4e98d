"""An image's stored values and its heatmap, for the viewer on the study's page."""

from datetime import datetime
from threading import BoundedSemaphore
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query
from fastapi.responses import Response

from db.audit import Action
from db.purged import purged_sentence
from db.session import reading
from db.study_images import StudyImage, find_study_image
from dicom_node.spool import ObjectGone, SpoolError
from model.decoding.decoder import DecoderKilled
from model.not_assessable import NotAssessable
from model.stored_frame import StoredFrame
from web.access.audit import note_viewing
from web.access.guard import Viewer
from web.study.frame_answer import MEDIA_TYPE, encode_frame
from web.window import InWindow, Window

router = APIRouter(prefix="/study/{study_instance_uid}/image/{sop_instance_uid}")
# Each decode is a process that may take gigabytes: the rest wait their turn.
_DECODING = BoundedSemaphore(4)
# And few enough that everybody else still finds a thread to be answered by.
_WAITING = BoundedSemaphore(20)
_BUSY = "Many images are being fetched at this moment. Try again in a few seconds."
_PRIVATE = {"Cache-Control": "private, no-store"}
NO_SUCH_IMAGE = "the ledger knows no such image"
_LARGEST_ID = (1 << 31) - 1


def seen_image(
    window: InWindow,
    visitor: Viewer,
    study_instance_uid: str,
    sop_instance_uid: str,
    kept_apart: Annotated[int | None, Query(ge=1, le=_LARGEST_ID)] = None,
) -> StudyImage:
    """The image asked for; the visitor is noted to see the study.

    `kept_apart`: the ledger's number of an instance in quarantine, which nothing else shows.
    """
    if "\0" in study_instance_uid + sop_instance_uid:  # PostgreSQL would refuse to look for it
        raise HTTPException(404, NO_SUCH_IMAGE)
    with reading(window.ledger) as session:
        image = find_study_image(
            session, study_instance_uid, sop_instance_uid, quarantined_id=kept_apart
        )
    if image is None:
        raise HTTPException(404, NO_SUCH_IMAGE)
    note_viewing(window, visitor, Action.STUDY_VIEWED, study_instance_uid)
    return image


SeenImage = Annotated[StudyImage, Depends(seen_image)]


@router.get("/frame")
def frame(window: InWindow, image: SeenImage, number: int = 1) -> Response:
    """The stored values of the frame of this 1-based number, as frame_answer.py lays them out."""
    _refuse_purged(image.purged_at)
    if not _WAITING.acquire(blocking=False):
        raise HTTPException(503, _BUSY, headers={"Retry-After": "5"})
    try:
        with _DECODING:
            stored = _decode(window, _read(window, image.spool_key), number)
    finally:
        _WAITING.release()
    return Response(encode_frame(stored), media_type=MEDIA_TYPE, headers=_PRIVATE)


@router.get("/heatmap")
def heatmap(window: InWindow, image: SeenImage) -> Response:
    """Grey PNG over the whole image, coarser than it: 255 is a probability of 1."""
    _refuse_purged(image.pictures_purged_at)
    if image.heatmap_key is None:
        raise HTTPException(404, "no heatmap is kept of this image")
    png = _read(window, image.heatmap_key)
    return Response(png, media_type="image/png", headers=_PRIVATE)


def _refuse_purged(purged_at: datetime | None) -> None:
    if purged_at is not None:
        raise HTTPException(410, purged_sentence(purged_at))


def _read(window: Window, spool_key: str) -> bytes:
    try:
        with window.spool.open(spool_key) as stream:
            return stream.read()
    except ObjectGone as gone:
        raise HTTPException(410, "the image's file is gone from the spool") from gone
    except SpoolError as trouble:
        raise HTTPException(503, f"the spool cannot be read: {trouble}") from trouble


def _decode(window: Window, encoded: bytes, number: int) -> StoredFrame:
    try:
        return window.decoder.stored_frame(encoded, number)
    except NotAssessable as refusal:
        raise HTTPException(422, str(refusal)) from refusal
    except DecoderKilled as trouble:
        raise HTTPException(503, str(trouble)) from trouble
