"""Every kind of object that the node creates, really built, several times from other headers."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import Comprehensive3DSRStorage, ComprehensiveSRStorage

from cli.statement.synthetic_study import poor_source, rich_source
from dicom_node.received_header import matrix_of
from dicom_node.results.finding import (
    AlgorithmIdentity,
    BoundingBox,
    FindingState,
    ImageFinding,
    aggregate_study,
)
from dicom_node.results.heatmap_segmentation import build_segmentation
from dicom_node.results.key_objects import build_key_objects, build_rejection
from dicom_node.results.pdf_report import build_pdf_report
from dicom_node.results.presentation_state import build_presentation_state
from dicom_node.results.result_object import Predecessor, ReportIssue, ResultKind, ResultObject
from dicom_node.results.secondary_capture import build_secondary_capture
from dicom_node.results.structured_report import build_reports
from dicom_node.results.summary_page import build_summary_page
from dicom_node.uids import derive_uid

_FIRST_REVISION = 20  # a number that no source has
_BARE = 7  # from this number on, nothing that could be left out is there
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Case:
    """What an object was built from: a received header, and what the node knows besides.

    Pages take long to draw, and say nothing of greyscale: a few do.
    """

    source: Dataset
    finding: ImageFinding
    algorithm: AlgorithmIdentity
    issue: ReportIssue
    has_pages: bool


@dataclass(frozen=True)
class Built:
    """An object that was built, read again."""

    case: Case
    kind: ResultKind
    dataset: Dataset


def build_everything() -> list[Built]:
    """All kinds from each case."""
    return [
        Built(case, made.kind, dcmread(BytesIO(made.encoded)))
        for case in _cases()
        for made in _objects(case)
    ]


def _cases() -> Iterator[Case]:
    """Windows, tables, neither, frames; fractures, possible ones; each value its own."""
    for number in (1, 2, 3):
        yield _case(rich_source(number), number)
    for number in (4, 5, 6):
        yield _case(rich_source(number, with_tables=True), number)
    yield _case(poor_source(_BARE), _BARE)
    yield _case(poor_source(_BARE + 1, frames=3), _BARE + 1)


def _case(source: Dataset, number: int) -> Case:
    algorithm = AlgorithmIdentity(f"network-{number}", f"{number}.0", {"sensitive": number / 100})
    issue = ReportIssue(
        revision=_FIRST_REVISION + number,
        created_at=NOON + timedelta(days=number, minutes=number, seconds=number),
        predecessors=_predecessors(number) if number % 2 else (),
        serial_number=f"NODE-{number}",
    )
    has_pages = number in (1, 2, _BARE)
    return Case(source, _finding(source, number), algorithm, issue, has_pages)


def _predecessors(number: int) -> tuple[Predecessor, ...]:
    uids = derive_uid("predecessor", number), derive_uid("predecessors", number)
    classes = (Comprehensive3DSRStorage, ComprehensiveSRStorage)
    return tuple(Predecessor(str(sop_class), *uids) for sop_class in classes)


def _finding(source: Dataset, number: int) -> ImageFinding:
    """With a box and a place, or without: what is conditional is seen both ways."""
    boxes = (BoundingBox(number, number, 20 + number, 30 + number, number / 10),)
    positive = FindingState.FRACTURE if number % 2 else FindingState.POSSIBLE
    return ImageFinding(
        sop_class_uid=str(source.SOPClassUID),
        sop_instance_uid=str(source.SOPInstanceUID),
        state=positive,
        probability=number / 10,
        region=("wrist", "ankle")[number % 2] if number < _BARE else None,
        boxes=boxes if number < _BARE else (),
        frame=2 if "NumberOfFrames" in source else None,
    )


def _objects(case: Case) -> Iterator[ResultObject]:
    study = aggregate_study([case.finding], case.algorithm)
    picture = np.full((*matrix_of(case.source), 3), case.issue.revision, dtype=np.uint8)
    heat = np.full((4, 4), case.issue.revision / 100, dtype=np.float32)
    about = (case.finding, case.algorithm, case.issue)
    pictures = {case.finding.sop_instance_uid: picture}
    report, fallback = build_reports([case.source], study, case.issue)
    yield from (report, fallback)
    yield build_secondary_capture(case.source, picture, *about)
    yield build_presentation_state(case.source, *about)
    if case.has_pages:
        yield build_summary_page([case.source], study, pictures, case.issue)
        yield build_pdf_report([case.source], study, pictures, case.issue)
    key_objects = build_key_objects([case.source], study, case.issue)
    if key_objects is not None:
        yield key_objects
    yield build_segmentation(case.source, heat, *about)
    rejected = [reference_to(fallback)]
    yield build_rejection(case.source, rejected, "withdrawn", case.algorithm, case.issue)


def reference_to(made: ResultObject) -> Predecessor:
    """The object as what a later one names."""
    return Predecessor(made.sop_class_uid, made.sop_instance_uid, made.series_instance_uid)
