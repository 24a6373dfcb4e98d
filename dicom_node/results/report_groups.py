"""The measurement groups of a report: one for the study, one per image, one per box.

Their items stand in the order of the rows of TID 1501, TID 1410 and TID 1419.
"""

from collections.abc import Iterator, Sequence

from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from dicom_node.received_header import is_image, laterality_of
from dicom_node.results import codes
from dicom_node.results import report_concepts as concepts
from dicom_node.results.content_items import (
    Relationship,
    code_item,
    container,
    image_item,
    number_item,
    polyline_item,
    text_item,
    uid_item,
)
from dicom_node.results.equipment import MANUFACTURER
from dicom_node.results.finding import (
    AlgorithmIdentity,
    BoundingBox,
    FindingState,
    ImageFinding,
    StudyFinding,
)
from dicom_node.results.report_wording import comment_of, conclude
from dicom_node.results.reported_image import ReportedImage
from dicom_node.results.tracking import (
    COORDINATE_DECIMALS,
    Tracking,
    box_trackings,
    image_tracking,
    study_tracking,
)

_CONTAINS = Relationship.CONTAINS
_HAS_OBS_CONTEXT = Relationship.HAS_OBS_CONTEXT
_HAS_CONCEPT_MOD = Relationship.HAS_CONCEPT_MOD
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


def study_group(
    study: StudyFinding, algorithm: Sequence[Dataset], images: Sequence[ReportedImage]
) -> Dataset:
    """TID 1501: the study's answer, with the images behind it as the source of measurement."""
    behind = [image for image in images if image.finding in study.images_behind]
    conclusion = conclude(study, [image.label for image in behind])
    items = [
        *_tracking(study_tracking(images[0].header.StudyInstanceUID)),
        *_sought(study.state),
        *algorithm,
        *_certainty(study.probability),
        *_sources(behind),
        *_evaluations(study.state, _study_summary(study)),
        text_item(_CONTAINS, codes.CONCLUSION, conclusion),
    ]
    return container(concepts.MEASUREMENT_GROUP, items, template="1501")


def image_group(algorithm: Sequence[Dataset], image: ReportedImage) -> Dataset:
    """TID 1501: one image's answer, or why it has none, under the name the conclusion uses."""
    finding = image.finding
    comment = comment_of(image.header, finding)
    items = [
        *_tracking(image_tracking(image.header, finding.frame)),
        *_sought(finding.state),
        *_sites(image),
        *algorithm,
        *_certainty(finding.probability),
        *_sources([image]),
        *_evaluations(finding.state, _SUMMARIES[finding.state]),
        *_quality(finding),
        *(text_item(_CONTAINS, codes.COMMENT, text) for text in (image.label, comment) if text),
    ]
    return container(concepts.MEASUREMENT_GROUP, items, template="1501")


def box_groups(algorithm: Sequence[Dataset], image: ReportedImage) -> Iterator[Dataset]:
    """One TID 1410 group per box."""
    boxes = image.boxes
    trackings = box_trackings(image.header, image.finding.frame, boxes)
    for box, tracking in zip(boxes, trackings, strict=True):
        items = [
            *_tracking(tracking),
            _named(concepts.FINDING, codes.FRACTURE),
            _named(concepts.GEOMETRIC_PURPOSE, codes.BOUNDED_BY),
            _region(image, box),
            *_sites(image),
            *algorithm,
            *_certainty(box.score),
            *_type_certainty(image.finding),
            _named(codes.FRACTURE, _FRACTURE_VALUES[image.finding.state]),
            *_morphology(image.finding),
        ]
        yield container(concepts.MEASUREMENT_GROUP, items, template="1410")


def _tracking(tracking: Tracking) -> list[Dataset]:
    return [
        text_item(_HAS_OBS_CONTEXT, concepts.TRACKING_IDENTIFIER, tracking.label),
        uid_item(_HAS_OBS_CONTEXT, concepts.TRACKING_UID, tracking.uid),
    ]


def _named(name: Code, value: Code) -> Dataset:
    return code_item(_CONTAINS, name, value)


def _region(image: ReportedImage, box: BoundingBox) -> Dataset:
    """A closed polyline around the box."""
    corners = box.corners
    source = image_item(Relationship.SELECTED_FROM, codes.SOURCE, image.reference)
    points = [_rounded(*corner) for corner in (*corners, corners[0])]
    return polyline_item(concepts.IMAGE_REGION, points, source)


def _rounded(column: float, row: float) -> tuple[float, float]:
    return round(column, COORDINATE_DECIMALS), round(row, COORDINATE_DECIMALS)


def _sites(image: ReportedImage) -> list[Dataset]:
    """Region and side; nothing where the region has no code."""
    region = codes.find_code(codes.REGIONS, image.finding.region)
    side = codes.SIDES.get(laterality_of(image.header, image.finding.laterality) or "")
    if region is None:
        return []
    sides = [] if side is None else [code_item(_HAS_CONCEPT_MOD, concepts.LATERALITY, side)]
    return [code_item(_HAS_CONCEPT_MOD, concepts.FINDING_SITE, region, sides)]


def algorithm_items(algorithm: AlgorithmIdentity) -> list[Dataset]:
    """TID 4019, the operating points as parameters; made once, they stand in each of its groups."""
    points = sorted(algorithm.operating_points.items())
    texts = [
        (concepts.ALGORITHM_NAME, algorithm.name),
        (concepts.ALGORITHM_VERSION, algorithm.version),
        (concepts.ALGORITHM_MANUFACTURER, MANUFACTURER),
        *(
            (concepts.ALGORITHM_PARAMETERS, f"operating point {name} = {value:.4f}")
            for name, value in points
        ),
    ]
    return [
        *(text_item(_HAS_CONCEPT_MOD, name, text) for name, text in texts),
        code_item(_HAS_CONCEPT_MOD, concepts.ALGORITHM_FAMILY, codes.ARTIFICIAL_INTELLIGENCE),
    ]


def _sources(images: Sequence[ReportedImage]) -> list[Dataset]:
    return [
        image_item(_CONTAINS, concepts.SOURCE_OF_MEASUREMENT, image.reference)
        for image in images
        if is_image(image.header)
    ]


def _certainty(probability: float | None) -> list[Dataset]:
    return _percentage(codes.CERTAINTY_OF_FINDING, probability)


def _type_certainty(finding: ImageFinding) -> list[Dataset]:
    known = codes.find_code(codes.FRACTURE_TYPES, finding.fracture_type)
    return (
        [] if known is None else _percentage(codes.CERTAINTY_OF_FEATURE, finding.type_probability)
    )


def _percentage(name: Code, probability: float | None) -> list[Dataset]:
    """Rounded to a tenth of a percent, so that float noise makes no other report."""
    if probability is None:
        return []
    return [number_item(_CONTAINS, name, round(100.0 * probability, 1), codes.PERCENT)]


def _study_summary(study: StudyFinding) -> Code:
    summary = _SUMMARIES[study.state]
    if study.analysed_count == len(study.images):
        return summary
    return _SUMMARIES_OF_SOME_IMAGES.get(summary, summary)


def _sought(state: FindingState) -> list[Dataset]:
    """What the group is about; nothing where nothing was sought, lest it be read as found."""
    if state is FindingState.NOT_ASSESSABLE:
        return []
    return [_named(concepts.FINDING, codes.FRACTURE)]


def _evaluations(state: FindingState, summary: Code) -> list[Dataset]:
    evaluations = [_named(codes.SUMMARY, summary)]
    if state in _FRACTURE_VALUES:
        evaluations.insert(0, _named(codes.FRACTURE, _FRACTURE_VALUES[state]))
    return evaluations


def _quality(finding: ImageFinding) -> list[Dataset]:
    beginning = (finding.reason or "").split(":")[0]
    reason = codes.find_code(codes.QUALITY_REASONS, beginning)
    if finding.is_analysed or reason is None:
        return []
    return [
        _named(codes.QUALITY_ASSESSMENT, codes.UNUSABLE),
        _named(codes.QUALITY_FINDING, reason),
    ]


def _morphology(finding: ImageFinding) -> list[Dataset]:
    coded = [
        (codes.ASSOCIATED_MORPHOLOGY, codes.find_code(codes.FRACTURE_TYPES, finding.fracture_type)),
        (codes.SEVERITY, codes.find_code(codes.SEVERITIES, finding.severity)),
    ]
    return [_named(name, value) for name, value in coded if value is not None]
