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
    algorithm_items,
    box_groups,
    image_group,
    study_group,
)
from dicom_node.results.reported_image import ReportedImage, reported_images

_HAS_CONCEPT_MOD = Relationship.HAS_CONCEPT_MOD


def report_content(
    headers: Sequence[Dataset], study: StudyFinding, equipment: Equipment
) -> Dataset:
    """The root container; headers come in reading order, the study's answer comes first."""
    images = list(reported_images(headers, study))
    pictures = [header for header in headers if is_image(header)]
    items = [
        code_item(_HAS_CONCEPT_MOD, concepts.LANGUAGE, codes.ENGLISH),
        *device_observer(equipment),
        *(
            code_item(_HAS_CONCEPT_MOD, concepts.PROCEDURE_REPORTED, procedure)
            for procedure in reported_procedures(headers)
        ),
        *([image_library(pictures)] if pictures else []),
        container(concepts.IMAGING_MEASUREMENTS, _groups(study, images)),
    ]
    root = container(codes.REPORT_TITLE, items, template="1500")
    del root.RelationshipType
    return root


def _groups(study: StudyFinding, images: Sequence[ReportedImage]) -> Iterator[Dataset]:
    used = [image.finding.algorithm_within(study.algorithm) for image in images]
    described = {algorithm: algorithm_items(algorithm) for algorithm in dict.fromkeys(used)}
    yield study_group(study, described[study.deciding_algorithm], images)
    for image, algorithm in zip(images, used, strict=True):
        yield image_group(described[algorithm], image)
        yield from box_groups(described[algorithm], image)


def reported_procedures(headers: Sequence[Dataset]) -> list[Code]:
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
