"""The content tree of a report: TID 1500 over all images of a study."""

from collections.abc import Iterator, Sequence

from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from dicom_node.received_header import is_image
from dicom_node.results import codes
from dicom_node.results import report_concepts as concepts
from dicom_node.results.coded_items import read_code
from dicom_node.results.content_items import Relationship, code_item, container
from dicom_node.results.device_observer import device_observer
from dicom_node.results.equipment import Equipment
from dicom_node.results.finding import StudyFinding
from dicom_node.results.image_library import image_library
from dicom_node.results.report_groups import (
    ReportedImage,
    algorithm_items,
    box_groups,
    image_group,
    study_group,
)
from dicom_node.results.tracking import place_words

_HAS_CONCEPT_MOD = Relationship.HAS_CONCEPT_MOD


def report_content(
    headers: Sequence[Dataset], study: StudyFinding, equipment: Equipment
) -> Dataset:
    """The root container; headers come in reading order, the study's answer comes first."""
    images = list(_reported_images(headers, study))
    pictures = [header for header in headers if is_image(header)]
    items = [
        code_item(_HAS_CONCEPT_MOD, concepts.LANGUAGE, codes.ENGLISH),
        *device_observer(equipment),
        *(
            code_item(_HAS_CONCEPT_MOD, concepts.PROCEDURE_REPORTED, procedure)
            for procedure in _procedures(headers)
        ),
        *([image_library(pictures)] if pictures else []),
        container(concepts.IMAGING_MEASUREMENTS, _groups(study, images)),
    ]
    root = container(codes.REPORT_TITLE, items, template="1500")
    del root.RelationshipType
    return root


def _groups(study: StudyFinding, images: Sequence[ReportedImage]) -> Iterator[Dataset]:
    algorithm = algorithm_items(study.algorithm)
    yield study_group(study, algorithm, images)
    for image in images:
        yield image_group(algorithm, image)
        yield from box_groups(algorithm, image)


def _reported_images(headers: Sequence[Dataset], study: StudyFinding) -> Iterator[ReportedImage]:
    findings = sorted(study.images, key=lambda finding: finding.frame or 0)
    for number, header in enumerate(headers, start=1):
        for finding in findings:
            if finding.sop_instance_uid == header.SOPInstanceUID:
                yield ReportedImage(image_label(number, header, finding.frame), header, finding)


def image_label(number: int, header: Dataset, frame: int | None) -> str:
    """ "Image 2 (series 1, instance 3)": its place among the images of this revision."""
    places = place_words(header, frame)
    return f"Image {number} ({', '.join(places)})" if places else f"Image {number}"


def _procedures(headers: Sequence[Dataset]) -> list[Code]:
    """The imaging procedures as performed, else as requested, else radiography at large."""
    for path in ("ProcedureCodeSequence", "RequestedProcedureCodeSequence"):
        found = [code for header in headers for code in _coded(header, path)]
        if found:
            return list(dict.fromkeys(found))
    return [codes.RADIOGRAPHY]


def _coded(header: Dataset, keyword: str) -> Iterator[Code]:
    for holder in (header, *header.get("RequestAttributesSequence", [])):
        for item in holder.get(keyword, []):
            code = read_code(item)
            if code is not None:
                yield code
