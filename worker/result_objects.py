"""The DICOM objects of a report: all that any of its destinations may be given."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO

import numpy as np
import structlog
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset

from db.reports import ReportImage
from dicom_node.received_header import matrix_of
from dicom_node.results.finding import ImageFinding, StudyFinding
from dicom_node.results.heatmap_segmentation import build_segmentation
from dicom_node.results.key_objects import build_key_objects, build_rejection
from dicom_node.results.presentation_state import (
    build_presentation_state,
    presentation_state_possible,
)
from dicom_node.results.result_object import Predecessor, ReportIssue, ResultKind, ResultObject
from dicom_node.results.secondary_capture import build_secondary_capture
from dicom_node.results.structured_report import build_reports
from dicom_node.results.summary_page import build_summary_page
from worker.destinations import PacsDestination, ResultDestination, wants_pdf
from worker.findings import decode_png
from worker.kitchen import Kitchen

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Evidence:
    """An image of the study, its header read again, and what is said of it."""

    image: ReportImage
    header: Dataset
    finding: ImageFinding


@dataclass(frozen=True)
class MadeObject:
    """An object as built, the image it shows where it shows one, and who may get it."""

    built: ResultObject
    destinations: tuple[str, ...]
    instance_id: int | None = None


@dataclass(frozen=True)
class Withdrawn:
    """Objects of earlier revisions that a withdrawn model made, and why it was withdrawn."""

    objects: Sequence[Predecessor]
    reason: str


@dataclass(frozen=True)
class ReportMaterial:
    """What the objects of one report are made from, and for whom."""

    kitchen: Kitchen
    evidence: Sequence[Evidence]
    finding: StudyFinding
    issue: ReportIssue
    destinations: Sequence[ResultDestination]
    withdrawn: Withdrawn | None = None

    @property
    def headers(self) -> list[Dataset]:
        return [one.header for one in self.evidence]

    @property
    def new_pictures(self) -> list[Evidence]:
        """The annotated images that no earlier revision has sent."""
        return [
            one
            for one in self.evidence
            if one.image.analysis.annotated_key and not one.image.is_reported
        ]

    @cached_property
    def pictures(self) -> dict[str, NDArray[np.uint8]]:
        """Every annotated image by its SOP Instance UID."""
        return {
            one.image.sop_instance_uid: _picture(self.kitchen, one.image.analysis.annotated_key)
            for one in self.evidence
            if one.image.analysis.annotated_key
        }

    @cached_property
    def pdf(self) -> ResultObject:
        # Here, since few destinations want it: loading fpdf is an eighth of a worker's start.
        from dicom_node.results.pdf_report import build_pdf_report

        return build_pdf_report(self.headers, self.finding, self.pictures, self.issue)

    @property
    def pdf_document(self) -> bytes:
        """The document alone, without the DICOM object around it."""
        encapsulated = dcmread(BytesIO(self.pdf.encoded))
        length = int(encapsulated.EncapsulatedDocumentLength)
        return bytes(encapsulated.EncapsulatedDocument[:length])

    def pacs(self, wanted: Callable[[PacsDestination], bool] | None = None) -> tuple[str, ...]:
        """The names of the archives among the destinations, all or those that want something."""
        return tuple(
            one.name
            for one in self.destinations
            if isinstance(one, PacsDestination) and (wanted is None or wanted(one))
        )

    def asking_for(self, kind: ResultKind) -> tuple[str, ...]:
        return self.pacs(lambda one: kind in one.wishes.also)


def make_objects(material: ReportMaterial) -> Iterator[MadeObject]:
    """The SR comes first, its fallback second."""
    everyone = material.pacs()
    for report in build_reports(material.headers, material.finding, material.issue):
        yield MadeObject(report, everyone)
    for one in material.new_pictures:
        yield from _pictures_of(material, one, everyone)
    if everyone:
        summary = build_summary_page(
            material.headers, material.finding, material.pictures, material.issue
        )
        yield MadeObject(summary, everyone)
    yield from _asked_for(material)


def _pictures_of(
    material: ReportMaterial, one: Evidence, everyone: tuple[str, ...]
) -> Iterator[MadeObject]:
    algorithm, issue = material.finding.algorithm, material.issue
    picture = material.pictures[one.image.sop_instance_uid]
    if matrix_of(one.header) != picture.shape[:2]:
        # A damaged file, whose pixels were read and whose header was not: the report tells of it.
        log.warning("pictures_left_out", instance=one.image.sop_instance_uid)
        return
    if presentation_state_possible(one.header):
        state = build_presentation_state(one.header, one.finding, algorithm, issue)
        yield MadeObject(state, everyone, one.image.instance_id)
    capture = build_secondary_capture(one.header, picture, one.finding, algorithm, issue)
    yield MadeObject(capture, everyone, one.image.instance_id)
    asking = material.asking_for(ResultKind.SEG)
    if asking and one.image.analysis.heatmap_key:
        heatmap = _heatmap(material.kitchen, one.image.analysis.heatmap_key)
        built = build_segmentation(one.header, heatmap, one.finding, algorithm, issue)
        yield MadeObject(built, asking, one.image.instance_id)


def _asked_for(material: ReportMaterial) -> Iterator[MadeObject]:
    if any(map(wants_pdf, material.destinations)):
        yield MadeObject(material.pdf, material.asking_for(ResultKind.PDF))
    asking = material.asking_for(ResultKind.KOS)
    if asking:
        key_objects = build_key_objects(material.headers, material.finding, material.issue)
        if key_objects is not None:
            yield MadeObject(key_objects, asking)
    asking = material.pacs(lambda one: one.rejection_notes)
    if asking and material.withdrawn is not None:
        yield MadeObject(_rejection(material, material.withdrawn), asking)


def _rejection(material: ReportMaterial, withdrawn: Withdrawn) -> ResultObject:
    return build_rejection(
        material.headers[0],
        withdrawn.objects,
        withdrawn.reason,
        material.finding.algorithm,
        material.issue,
    )


def _picture(kitchen: Kitchen, key: str | None) -> NDArray[np.uint8]:
    with kitchen.spool.open_intact(key or "") as stream:
        return decode_png(stream)


def _heatmap(kitchen: Kitchen, key: str) -> NDArray[np.float32]:
    heatmap = _picture(kitchen, key).astype(np.float32)
    heatmap /= 255
    return heatmap
