"""All verdicts: how often readers agree with the node, the newest, and labels to train with."""

from collections.abc import Iterator
from datetime import UTC, datetime

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, StreamingResponse

from db.audit import Action
from db.result_formats import csv_line, json_line
from db.session import reading
from db.verdict_labels import LABEL_COLUMNS, LabelExport, training_labels
from db.verdict_statistics import count_verdicts
from db.verdicts import VERDICT_COLUMNS, counting_verdicts, list_verdicts, verdict_row
from web.access.audit import note
from web.access.guard import Reader, Visitor
from web.pages import render
from web.study import wording
from web.window import InWindow, Window

router = APIRouter()
_A_PAGE = 50


@router.get("/verdicts")
def verdicts(
    request: Request, window: InWindow, visitor: Reader, before: int | None = None
) -> HTMLResponse:
    """The statistics, and the newest verdicts a page at a time."""
    note(window, visitor, Action.VERDICTS_VIEWED)
    with reading(window.ledger) as session:
        page = list_verdicts(session, before_id=before, limit=_A_PAGE + 1)
        statistics = count_verdicts(counting_verdicts(session))
    return render(
        request,
        visitor,
        "study/verdicts.html",
        verdicts=page[:_A_PAGE],
        has_more=len(page) > _A_PAGE,
        is_first=before is None,
        statistics=statistics,
        wording=wording,
        taken_at=datetime.now(UTC),
    )


@router.get("/verdicts/labels.csv")
def labels_table(window: InWindow, visitor: Reader) -> StreamingResponse:
    """The table alone: beside the DICOM files of its images it is a data set to train with."""
    with reading(window.ledger) as session:
        export = training_labels(session)
    _note(window, visitor, f"{len(export.labels)} labels")
    return _as_file(label_lines(export), "labels.csv", "text/csv")


@router.get("/verdicts/verdicts.jsonl")
def verdicts_as_json(window: InWindow, visitor: Reader) -> StreamingResponse:
    """What `osteon verdicts --json` prints."""
    rows = _rows(window)
    _note(window, visitor, f"{len(rows)} verdicts as JSON")
    return _as_file(map(json_line, rows), "verdicts.jsonl", "application/x-ndjson")


@router.get("/verdicts/verdicts.csv")
def verdicts_as_csv(window: InWindow, visitor: Reader) -> StreamingResponse:
    """What `osteon verdicts --csv` prints."""
    rows = _rows(window)
    _note(window, visitor, f"{len(rows)} verdicts as CSV")
    lines = (csv_line(row[name] for name in VERDICT_COLUMNS) for row in rows)
    return _as_file(_after(csv_line(VERDICT_COLUMNS), lines), "verdicts.csv", "text/csv")


def _rows(window: Window) -> list[dict[str, object]]:
    with reading(window.ledger) as session:
        return [verdict_row(one) for one in reversed(list_verdicts(session))]


def label_lines(export: LabelExport) -> Iterator[str]:
    columns = ("sop_instance_uid", *LABEL_COLUMNS)
    yield csv_line(columns)
    for label in export.labels:
        for row in label.rows():
            said = row | {"sop_instance_uid": label.sop_instance_uid}
            yield csv_line(said[column] for column in columns)


def _after(first: str, lines: Iterator[str]) -> Iterator[str]:
    yield first
    yield from lines


def _note(window: Window, visitor: Visitor, detail: str) -> None:
    note(window, visitor, Action.LABELS_EXPORTED, detail=detail)


def _as_file(lines: Iterator[str], name: str, media_type: str) -> StreamingResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(lines, media_type=media_type, headers=headers)
