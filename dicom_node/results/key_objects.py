"""Key Object Selections: the images a reader should see first, and results to be seen no more."""

from collections.abc import Sequence

from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import UID, KeyObjectSelectionDocumentStorage

from dicom_node.received_header import copy_elements
from dicom_node.results import codes
from dicom_node.results import report_concepts as concepts
from dicom_node.results.content_items import (
    ImageReference,
    Relationship,
    code_item,
    container,
    image_item,
    text_item,
)
from dicom_node.results.device_observer import device_observer
from dicom_node.results.equipment import Equipment
from dicom_node.results.finding import (
    AlgorithmIdentity,
    FindingState,
    ImageFinding,
    StudyFinding,
)
from dicom_node.results.header import ResultSeries, encode_values, issue_result, start_result
from dicom_node.results.patient_study import PATIENT_AND_STUDY
from dicom_node.results.reading_order import read_in_order
from dicom_node.results.report_references import (
    evidence_reference,
    fulfilled_requests,
    predecessor_reference,
)
from dicom_node.results.report_wording import (
    NOT_VERIFIED,
    RESEARCH_USE,
    state_and_probability,
)
from dicom_node.results.result_object import Predecessor, ReportIssue, ResultKind, ResultObject
from dicom_node.results.source_image import frame_in

_SELECTION = ResultSeries(
    ResultKind.KOS,
    str(KeyObjectSelectionDocumentStorage),
    "KO",
    9105,
    "AI key images (unverified)",
)
_REJECTION = ResultSeries(
    ResultKind.REJECTION,
    str(KeyObjectSelectionDocumentStorage),
    "KO",
    9108,
    "AI results withdrawn",
)
KEY_OBJECT_KEYWORDS = (
    *PATIENT_AND_STUDY,
    "SpecificCharacterSet",
    "SOPClassUID",
    "SOPInstanceUID",
    "SeriesInstanceUID",
    "NumberOfFrames",
    "RequestAttributesSequence",
)
_POSITIVE = (FindingState.FRACTURE, FindingState.POSSIBLE)
_CAUTION = f"{NOT_VERIFIED}. {RESEARCH_USE}."


class NothingToReject(ValueError):
    """A rejection note names at least one object."""


def build_key_objects(
    evidence: Sequence[Dataset], finding: StudyFinding, issue: ReportIssue
) -> ResultObject | None:
    """The images with a fracture or a possible one, the surest first; None where there are none."""
    positive = sorted((image for image in finding.images if image.state in _POSITIVE), key=_rank)
    if not positive:
        return None
    known = read_in_order(evidence, KEY_OBJECT_KEYWORDS, finding)
    by_uid = {str(header.SOPInstanceUID): header for header in known}
    headers = [by_uid[uid] for uid in dict.fromkeys(image.sop_instance_uid for image in positive)]
    equipment = Equipment(finding.algorithm, issue.serial_number)
    document = _document(headers, equipment, issue)
    document.CurrentRequestedProcedureEvidenceSequence = [evidence_reference(headers)]
    words = f"{state_and_probability(finding.state, finding.probability)}. {_CAUTION}"
    items = [_image_item(by_uid[image.sop_instance_uid], image) for image in positive]
    document.update(_content(codes.OF_INTEREST, words, equipment, items))
    return issue_result(encode_values(document, headers), _SELECTION, equipment)


def _rank(image: ImageFinding) -> tuple[int, float, str, int]:
    return (
        _POSITIVE.index(image.state),
        -(image.probability or 0.0),
        image.sop_instance_uid,
        image.frame or 0,
    )


def build_rejection(
    source: Dataset,
    rejected: Sequence[Predecessor],
    reason: str,
    algorithm: AlgorithmIdentity,
    issue: ReportIssue,
) -> ResultObject:
    """An IHE IOCM rejection note for results of ours in the study of `source`.

    Withdrawn for patient safety: such objects an archive hides from everybody, while those
    rejected for quality stay in regular use where it is so configured (RAD-66), and a wrong
    answer must not be read.
    """
    objects = sorted(set(rejected), key=_place)
    if not objects:
        raise NothingToReject("a rejection note names at least one object")
    header = copy_elements(source, KEY_OBJECT_KEYWORDS)
    equipment = Equipment(algorithm, issue.serial_number)
    document = _document([header], equipment, issue)
    document.CurrentRequestedProcedureEvidenceSequence = [
        predecessor_reference(document.StudyInstanceUID, objects)
    ]
    items = [_result_item(each) for each in objects]
    words = f"AI results withdrawn: {reason}"
    document.update(_content(codes.REJECTED_FOR_PATIENT_SAFETY, words, equipment, items))
    return issue_result(encode_values(document, [header]), _REJECTION, equipment)


def _place(result: Predecessor) -> tuple[str, str]:
    return result.series_instance_uid, result.sop_instance_uid


def _document(headers: Sequence[Dataset], equipment: Equipment, issue: ReportIssue) -> Dataset:
    """Key Object Document Series and Key Object Document, PS3.3 C.17.6."""
    document = start_result(headers[0], equipment, issue)
    document.InstanceNumber = issue.revision
    document.ReferencedPerformedProcedureStepSequence = []
    document.ReferencedRequestSequence = list(fulfilled_requests(headers))
    return document


def _content(
    title: Code, words: str, equipment: Equipment, references: Sequence[Dataset]
) -> Dataset:
    """TID 2010; no Document Title Modifier, which is for quality titles and Best In Set alone."""
    items = [
        code_item(Relationship.HAS_CONCEPT_MOD, concepts.LANGUAGE, codes.ENGLISH),
        *device_observer(equipment),
        text_item(Relationship.CONTAINS, codes.KEY_OBJECT_DESCRIPTION, words),
        *references,
    ]
    root = container(title, items, template="2010")
    del root.RelationshipType
    return root


def _image_item(header: Dataset, image: ImageFinding) -> Dataset:
    frame = frame_in(header, image.frame)
    return _reference(image.sop_class_uid, image.sop_instance_uid, frame)


def _result_item(result: Predecessor) -> Dataset:
    """An IMAGE for our pictures, a COMPOSITE for the rest (PS3.3 C.17.3.5)."""
    item = _reference(result.sop_class_uid, result.sop_instance_uid)
    if "Image Storage" not in UID(result.sop_class_uid).name:
        item.ValueType = "COMPOSITE"
    return item


def _reference(sop_class_uid: str, sop_instance_uid: str, frame: int | None = None) -> Dataset:
    image = ImageReference(sop_class_uid, sop_instance_uid, frame)
    return image_item(Relationship.CONTAINS, codes.SOURCE, image)
