"""The measurement groups of a report: one for the study, one per image, one per box."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import highdicom.sr as hd
import numpy as np
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from dicom_node.received_header import is_image, is_multi_frame, laterality_of, matrix_of
from dicom_node.results import codes
from dicom_node.results.equipment import MANUFACTURER
from dicom_node.results.finding import (
    AlgorithmIdentity,
    BoundingBox,
    FindingState,
    ImageFinding,
    StudyFinding,
)
from dicom_node.results.report_wording import comment_of, conclude
from dicom_node.uids import derive_uid

# Why "possible" is written as Undetermined: docs/decisions/0006-possible-is-undetermined.md
_FRACTURE_VALUES = {
    FindingState.FRACTURE: codes.PRESENT,
    FindingState.POSSIBLE: codes.UNDETERMINED,
    FindingState.NONE: codes.ABSENT,
}
_SUMMARIES = {
    FindingState.FRACTURE: codes.ALL_WITH_FINDINGS,
    FindingState.POSSIBLE: codes.ALL_WITH_FINDINGS,
    FindingState.NONE: codes.ALL_WITHOUT_FINDINGS,
    FindingState.NOT_ASSESSABLE: codes.NONE_SUCCEEDED,
}
_SUMMARIES_OF_SOME_IMAGES = {
    codes.ALL_WITH_FINDINGS: codes.SOME_WITH_FINDINGS,
    codes.ALL_WITHOUT_FINDINGS: codes.SOME_WITHOUT_FINDINGS,
}


@dataclass(frozen=True)
class ReportedImage:
    """An image of the study under the name the report gives it."""

    label: str
    header: Dataset
    finding: ImageFinding

    @property
    def frames(self) -> list[int] | None:
        """The frame that was analysed, where the object has several."""
        frame = self.finding.frame
        return [frame] if frame is not None and is_multi_frame(self.header) else None

    @property
    def sites(self) -> list[hd.FindingSite]:
        """Region and side; nothing where the region has no code."""
        region = codes.find_code(codes.REGIONS, self.finding.region)
        side = laterality_of(self.header, self.finding.laterality)
        return [] if region is None else [hd.FindingSite(region, codes.SIDES.get(side or ""))]

    @property
    def boxes(self) -> list[BoundingBox]:
        rows, columns = matrix_of(self.header)
        clamped = (box.clamped(rows, columns) for box in self.finding.boxes)
        return [box for box in clamped if box is not None]


def study_group(study: StudyFinding, images: Sequence[ReportedImage]) -> hd.ContentSequence:
    """The study's answer, with the images behind it as the source of measurement."""
    behind = [image for image in images if image.finding in study.images_behind]
    group = hd.MeasurementsAndQualitativeEvaluations(
        _tracking("Study", images[0].header.StudyInstanceUID),
        finding_type=_sought(study.state),
        algorithm_id=_algorithm(study.algorithm),
        measurements=_certainty(study.probability),
        qualitative_evaluations=_evaluations(study.state, _study_summary(study)),
        source_images=_sources(behind),
    )
    _append_text(group, codes.CONCLUSION, conclude(study, [image.label for image in behind]))
    return group


def image_group(algorithm: AlgorithmIdentity, image: ReportedImage) -> hd.ContentSequence:
    """One image's answer, or why it has none."""
    finding = image.finding
    group = hd.MeasurementsAndQualitativeEvaluations(
        _tracking(image.label, finding.sop_instance_uid, finding.frame),
        finding_type=_sought(finding.state),
        algorithm_id=_algorithm(algorithm),
        finding_sites=image.sites,
        measurements=_certainty(finding.probability),
        qualitative_evaluations=[
            *_evaluations(finding.state, _SUMMARIES[finding.state]),
            *_quality(finding),
        ],
        source_images=_sources([image]),
    )
    comment = comment_of(image.header, finding)
    if comment:
        _append_text(group, codes.COMMENT, comment)
    return group


def box_groups(algorithm: AlgorithmIdentity, image: ReportedImage) -> Iterator[hd.ContentSequence]:
    """One TID 1410 group per box, numbered within its image."""
    for number, box in enumerate(image.boxes, start=1):
        finding = image.finding
        label = f"{image.label}, fracture {number}"
        yield hd.PlanarROIMeasurementsAndQualitativeEvaluations(
            _tracking(label, finding.sop_instance_uid, finding.frame, number),
            referenced_region=_region(image, box),
            finding_type=codes.FRACTURE,
            algorithm_id=_algorithm(algorithm),
            finding_sites=image.sites,
            measurements=[*_certainty(box.score), *_type_certainty(finding)],
            qualitative_evaluations=[
                hd.QualitativeEvaluation(codes.FRACTURE, _FRACTURE_VALUES[finding.state]),
                *_morphology(finding),
            ],
            geometric_purpose=codes.BOUNDED_BY,
        )


def _region(image: ReportedImage, box: BoundingBox) -> hd.ImageRegion:
    """A closed polyline, column\\row from the corner of the first pixel (PS3.3 C.18.6.1.2)."""
    corners = [(box.x0, box.y0), (box.x1, box.y0), (box.x1, box.y1), (box.x0, box.y1)]
    source = hd.SourceImageForRegion(
        image.finding.sop_class_uid, image.finding.sop_instance_uid, image.frames
    )
    graphic_data = np.round(np.array([*corners, corners[0]]), 2)
    return hd.ImageRegion(hd.GraphicTypeValues.POLYLINE, graphic_data, source)


def _tracking(label: str, *identity: object) -> hd.TrackingIdentifier:
    return hd.TrackingIdentifier(uid=derive_uid("tracking", *identity), identifier=label)


def _algorithm(algorithm: AlgorithmIdentity) -> hd.AlgorithmIdentification:
    """TID 4019, the operating points as its parameters."""
    points = sorted(algorithm.operating_points.items())
    return hd.AlgorithmIdentification(
        name=algorithm.name,
        version=algorithm.version,
        parameters=[f"operating point {name} = {value:.4f}" for name, value in points],
        family=codes.ARTIFICIAL_INTELLIGENCE,
        manufacturer=MANUFACTURER,
    )


def _sources(images: Sequence[ReportedImage]) -> list[hd.SourceImageForMeasurementGroup]:
    return [
        hd.SourceImageForMeasurementGroup(
            image.finding.sop_class_uid, image.finding.sop_instance_uid, image.frames
        )
        for image in images
        if is_image(image.header)
    ]


def _certainty(probability: float | None) -> list[hd.Measurement]:
    return _percentage(codes.CERTAINTY_OF_FINDING, probability)


def _type_certainty(finding: ImageFinding) -> list[hd.Measurement]:
    known = codes.find_code(codes.FRACTURE_TYPES, finding.fracture_type)
    return (
        [] if known is None else _percentage(codes.CERTAINTY_OF_FEATURE, finding.type_probability)
    )


def _percentage(name: Code, probability: float | None) -> list[hd.Measurement]:
    """Rounded to a tenth of a percent, so that float noise makes no other report."""
    if probability is None:
        return []
    return [hd.Measurement(name, round(100.0 * probability, 1), codes.PERCENT)]


def _study_summary(study: StudyFinding) -> Code:
    summary = _SUMMARIES[study.state]
    if study.analysed_count == len(study.images):
        return summary
    return _SUMMARIES_OF_SOME_IMAGES.get(summary, summary)


def _sought(state: FindingState) -> Code | None:
    """What the group is about; nothing where nothing was sought, lest it be read as found."""
    return None if state is FindingState.NOT_ASSESSABLE else codes.FRACTURE


def _evaluations(state: FindingState, summary: Code) -> list[hd.QualitativeEvaluation]:
    evaluations = [hd.QualitativeEvaluation(codes.SUMMARY, summary)]
    if state in _FRACTURE_VALUES:
        evaluations.insert(0, hd.QualitativeEvaluation(codes.FRACTURE, _FRACTURE_VALUES[state]))
    return evaluations


def _quality(finding: ImageFinding) -> list[hd.QualitativeEvaluation]:
    beginning = (finding.reason or "").split(":")[0]
    reason = codes.find_code(codes.QUALITY_REASONS, beginning)
    if finding.is_analysed or reason is None:
        return []
    return [
        hd.QualitativeEvaluation(codes.QUALITY_ASSESSMENT, codes.UNUSABLE),
        hd.QualitativeEvaluation(codes.QUALITY_FINDING, reason),
    ]


def _morphology(finding: ImageFinding) -> list[hd.QualitativeEvaluation]:
    coded = [
        (codes.ASSOCIATED_MORPHOLOGY, codes.find_code(codes.FRACTURE_TYPES, finding.fracture_type)),
        (codes.SEVERITY, codes.find_code(codes.SEVERITIES, finding.severity)),
    ]
    return [hd.QualitativeEvaluation(name, value) for name, value in coded if value is not None]


def _append_text(group: hd.ContentSequence, name: Code, text: str) -> None:
    group[0].ContentSequence.append(
        hd.TextContentItem(name, text, hd.RelationshipTypeValues.CONTAINS)
    )
