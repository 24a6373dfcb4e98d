"""The study's page, what it shows anew while it is open, and its results as files."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response, StreamingResponse
from sqlalchemy.orm import Session

from db.audit import Action
from db.result_formats import json_line
from db.result_query import ResultQuery, every_result
from db.session import reading
from db.states import ObjectKind, Role
from db.study_images import study_images
from db.study_view import ObjectView, StudyView, find_object, neighbours_of, read_study
from db.verdicts import MAX_COMMENT, verdicts_of_study
from db.worklist import entry_version
from dicom_node.spool import ObjectGone, SpoolError
from web.access.audit import note, note_viewing
from web.access.background import is_background
from web.access.guard import Viewer, Visitor
from web.pages import render, say_in
from web.study import wording
from web.study.downloads import file_name, send_document, send_object
from web.study.facts import changes_of, clock_of
from web.study.report_texts import ReportGone, report_object, report_text
from web.study.viewer_images import viewer_images
from web.vocabulary import vocabulary_of
from web.window import InWindow, Window
from web.words import N_
from web.worklist.asked import Asked

router = APIRouter()
NO_SUCH_STUDY = N_("This node has no such study. It may never have been sent here.")
NO_SUCH_OBJECT = N_("This study has no such result.")
OBJECT_PURGED = N_("The file of this object was purged on %(day)s after retention.")
OBJECT_GONE = N_("This object is gone from the spool: only a backup brings it back.")
SPOOL_AWAY = N_("The spool does not answer. Try again when its disk is back.")


@router.get("/study/{study_instance_uid}")
def study(
    request: Request, window: InWindow, visitor: Viewer, study_instance_uid: str, seen: int = -1
) -> Response:
    """The page; of one that is open nothing (204) where nothing changed since the version seen."""
    with reading(window.ledger) as session:
        # First, so that what changes between two questions is asked for again.
        version = entry_version(session, study_instance_uid)
        if is_background(request) and version == seen:
            return Response(status_code=204)
        view = read_study(session, study_instance_uid)
        if view is None:
            raise HTTPException(404, say_in(request)(NO_SUCH_STUDY))
        shown = _neighbours(session, view, request) | verdict_values(session, window, view)
        images = study_images(session, study_instance_uid, with_quarantined=True)
    if is_background(request):
        note_viewing(window, visitor, Action.STUDY_VIEWED, study_instance_uid)
    else:
        note(window, visitor, Action.STUDY_VIEWED, study_instance_uid=study_instance_uid)
    return render(
        request,
        visitor,
        "study/page.html",
        view=view,
        version=version,
        viewer_images=viewer_images(study_instance_uid, images),
        clock=clock_of(view),
        changes=changes_of(view.revisions),
        texts=_texts(window, view),
        **shown,
    )


@router.get("/study/{study_instance_uid}/objects/{object_id}")
def result_object(
    request: Request, window: InWindow, visitor: Viewer, study_instance_uid: str, object_id: int
) -> Response:
    """A result object as a file, byte for byte as it was sent."""
    found = _find(window, study_instance_uid, object_id)
    if found is None:
        raise HTTPException(404, say_in(request)(NO_SUCH_OBJECT))
    _refuse_purged(request, found[0])
    _note_download(window, visitor, study_instance_uid, found[0])
    with _spool_trouble_said(request):
        return send_object(window.spool, found[0], study_instance_uid, found[1])


@router.get("/study/{study_instance_uid}/objects/{object_id}/document")
def result_document(
    request: Request, window: InWindow, visitor: Viewer, study_instance_uid: str, object_id: int
) -> Response:
    """The PDF itself of an encapsulated one."""
    found = _find(window, study_instance_uid, object_id)
    if found is None or found[0].kind is not ObjectKind.PDF:
        raise HTTPException(404, say_in(request)(NO_SUCH_OBJECT))
    _refuse_purged(request, found[0])
    _note_download(window, visitor, study_instance_uid, found[0])
    with _spool_trouble_said(request):
        return send_document(window.spool, found[0], study_instance_uid, found[1])


@router.get("/study/{study_instance_uid}/results.jsonl")
def result_rows(
    request: Request, window: InWindow, visitor: Viewer, study_instance_uid: str
) -> Response:
    """What `osteon results --study UID --json` prints."""
    with reading(window.ledger) as session:
        view = read_study(session, study_instance_uid)
    if view is None:
        raise HTTPException(404, say_in(request)(NO_SUCH_STUDY))
    note(
        window,
        visitor,
        Action.RESULTS_EXPORTED,
        study_instance_uid=study_instance_uid,
        detail="json",
    )
    name = file_name("results", study_instance_uid, view.newest_revision or 0, "jsonl")
    return StreamingResponse(
        _lines(window, study_instance_uid),
        media_type="application/x-ndjson",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def verdict_values(
    session: Session, window: Window, view: StudyView, said: str = ""
) -> dict[str, Any]:
    """What the panel of verdicts needs, on the page and alone."""
    return {
        "verdicts": verdicts_of_study(session, view.row["study_instance_uid"]),
        "numbers": {one.row["sop_instance_uid"]: one.number for one in view.images},
        "vocabulary": vocabulary_of(window),
        "wording": wording,
        "max_comment": MAX_COMMENT,
        "reader_role": Role.READER,
        "said": said,
        "taken_at": datetime.now(UTC),
    }


def _neighbours(session: Session, view: StudyView, request: Request) -> dict[str, Any]:
    """Those of the list as it was narrowed and ordered; never by what was searched for."""
    asked = replace(Asked.read(request.query_params), search="", after="", before="")
    return {"asked": asked, "neighbours": neighbours_of(session, view.study_id, asked.query())}


def _texts(window: Window, view: StudyView) -> dict[int, str | None]:
    """By revision: its report as text, None where its bytes cannot be read."""
    texts: dict[int, str | None] = {}
    for revision in view.revisions:
        report = report_object(revision)
        if report is not None and report.purged_at is None:
            try:
                texts[revision.row["revision"]] = report_text(window.spool, report)
            except ReportGone:
                texts[revision.row["revision"]] = None
    return texts


def _find(window: Window, study_instance_uid: str, object_id: int) -> tuple[ObjectView, int] | None:
    with reading(window.ledger) as session:
        return find_object(session, study_instance_uid, object_id)


def _refuse_purged(request: Request, found: ObjectView) -> None:
    if found.purged_at is not None:
        raise HTTPException(
            410, say_in(request)(OBJECT_PURGED) % {"day": f"{found.purged_at:%Y-%m-%d}"}
        )


@contextmanager
def _spool_trouble_said(request: Request) -> Iterator[None]:
    try:
        yield
    except ObjectGone as trouble:
        raise HTTPException(410, say_in(request)(OBJECT_GONE)) from trouble
    except SpoolError as trouble:
        raise HTTPException(503, say_in(request)(SPOOL_AWAY)) from trouble


def _note_download(
    window: Window, visitor: Visitor, study_instance_uid: str, found: ObjectView
) -> None:
    note(
        window,
        visitor,
        Action.OBJECT_DOWNLOADED,
        study_instance_uid=study_instance_uid,
        detail=f"{found.kind.value} {found.object_id}",
    )


def _lines(window: Window, study_instance_uid: str) -> Iterator[str]:
    query = ResultQuery(study_instance_uid=study_instance_uid)
    for row in every_result(window.ledger, query):
        yield json_line(row)
