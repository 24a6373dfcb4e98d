"""Studies of several images with every kind of answer, and the documents that follow from them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from io import BytesIO

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import EncapsulatedPDFStorage, SecondaryCaptureImageStorage

from cli.statement.created_objects import NOON, reference_to
from cli.statement.synthetic_study import poor_source, rich_source
from dicom_node.results import codes
from dicom_node.results.finding import (
    AlgorithmIdentity,
    BoundingBox,
    FindingState,
    ImageFinding,
    aggregate_study,
)
from dicom_node.results.key_objects import build_key_objects, build_rejection
from dicom_node.results.result_object import Predecessor, ReportIssue, ResultObject
from dicom_node.results.structured_report import build_reports
from dicom_node.uids import derive_uid

_ALGORITHM = AlgorithmIdentity("network", "1.0", {"sensitive": 0.2, "specific": 0.6})
_ISSUE = ReportIssue(1, NOON)
_FRACTURE, _POSSIBLE = FindingState.FRACTURE, FindingState.POSSIBLE
_NONE, _NOT = FindingState.NONE, FindingState.NOT_ASSESSABLE
_REASONS = (*codes.QUALITY_REASONS, "not covered")
_CAPTURE = Predecessor(
    str(SecondaryCaptureImageStorage), derive_uid("capture"), derive_uid("captures")
)
# Alone and together: what is said of a study depends on what is said of each image.
_STUDIES = (
    (_FRACTURE, _POSSIBLE, _NONE),
    (_FRACTURE, _NOT),
    (_POSSIBLE,),
    (_NONE,),
    (_NONE, _NOT),
    (_NOT, _NOT, _NOT),
)


@dataclass(frozen=True)
class Documents:
    """What was written of the same studies, as each kind of document."""

    reports: Sequence[Dataset]
    key_objects: Sequence[Dataset]
    rejections: Sequence[Dataset]


def write_documents() -> Documents:
    reports, selections, rejections = [], [], []
    for headers, findings in _studies():
        study = aggregate_study(findings, _ALGORITHM)
        report, _ = build_reports(headers, study, _ISSUE)
        reports.append(report)
        selections.append(build_key_objects(headers, study, _ISSUE))
        rejected = [reference_to(report), _CAPTURE]
        rejections.append(build_rejection(headers[0], rejected, "withdrawn", _ALGORITHM, _ISSUE))
    return Documents(_read(reports), _read(filter(None, selections)), _read(rejections))


def _studies() -> Iterator[tuple[list[Dataset], list[ImageFinding]]]:
    for states in _STUDIES:
        headers = [_header(number) for number in range(1, len(states) + 1)]
        yield headers, [_finding(*pair) for pair in zip(headers, states, strict=True)]
    bare = poor_source(1)
    finding = replace(_finding(bare, _FRACTURE), region=None, fracture_type=None, severity=None)
    yield [bare], [replace(finding, notes=(), algorithm=AlgorithmIdentity("network", "0.9"))]
    document = poor_source(2)
    document.SOPClassUID = EncapsulatedPDFStorage
    del document.Rows, document.Columns
    yield [document], [_finding(document, _NOT)]


def _header(number: int) -> Dataset:
    """All of one study and one series."""
    header = rich_source(number)
    header.StudyInstanceUID = derive_uid("study")
    header.SeriesInstanceUID = derive_uid("series")
    return header


def _finding(header: Dataset, state: FindingState) -> ImageFinding:
    finding = ImageFinding(
        sop_class_uid=str(header.SOPClassUID),
        sop_instance_uid=str(header.SOPInstanceUID),
        state=state,
    )
    if state is _NOT:
        return replace(
            finding, reason=_REASONS[int(header.get("InstanceNumber", 1)) % len(_REASONS)]
        )
    finding = replace(finding, probability=0.5, region="wrist", notes=("it is dark",))
    if state is _NONE:
        return finding
    box = BoundingBox(2, 3, 20, 30, 0.5)
    return replace(
        finding, boxes=(box,), fracture_type="spiral", type_probability=0.5, severity="mild"
    )


def _read(made: Iterable[ResultObject]) -> list[Dataset]:
    return [dcmread(BytesIO(one.encoded)) for one in made]
