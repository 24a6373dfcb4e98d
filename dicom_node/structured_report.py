"""The report of a study: a Comprehensive 3D SR, and the same content for those who refuse that."""

from collections.abc import Iterator, Sequence

from pydicom.dataset import Dataset
from pydicom.uid import Comprehensive3DSRStorage, ComprehensiveSRStorage

from dicom_node.coded_items import private_scheme_item
from dicom_node.equipment import Equipment
from dicom_node.finding import StudyFinding
from dicom_node.header import ResultSeries, finish_result, start_result
from dicom_node.patient_study import copy_elements
from dicom_node.report_content import report_content
from dicom_node.result_object import Predecessor, ReportIssue, ResultKind, ResultObject

SERIES_DESCRIPTION = "AI fracture report (unverified)"
_SERIES = (
    ResultSeries(ResultKind.SR, str(Comprehensive3DSRStorage), "SR", 9101, SERIES_DESCRIPTION),
    ResultSeries(
        ResultKind.SR_FALLBACK, str(ComprehensiveSRStorage), "SR", 9101, SERIES_DESCRIPTION
    ),
)


class EvidenceMismatch(ValueError):
    """The headers given are not those of the study and images that the finding speaks of."""


def build_reports(
    evidence: Sequence[Dataset], finding: StudyFinding, issue: ReportIssue
) -> list[ResultObject]:
    """The SR and its fallback, from the headers of all received instances of one study.

    The same headers (in any order), finding and issue give the same bytes.
    """
    headers = _in_reading_order(evidence)
    _check(headers, finding)
    equipment = Equipment(finding.algorithm, issue.serial_number)
    content = report_content(headers, finding, equipment)
    reports = []
    for series in _SERIES:
        report = start_result(headers[0], series, equipment, issue)
        _add_document(report, headers, issue)
        report.update(content)
        reports.append(finish_result(report, headers[0], series.kind))
    return reports


def _check(headers: Sequence[Dataset], finding: StudyFinding) -> None:
    if len({header.StudyInstanceUID for header in headers}) != 1:
        raise EvidenceMismatch("a report needs headers of one study")
    known = {header.SOPInstanceUID for header in headers}
    absent = sorted({image.sop_instance_uid for image in finding.images} - known)
    if absent:
        raise EvidenceMismatch(f"no header for {', '.join(absent)}")


def _in_reading_order(evidence: Sequence[Dataset]) -> list[Dataset]:
    """Each instance once, by series and instance number as a viewer shows them."""
    unique = {str(header.SOPInstanceUID): header for header in evidence}
    return sorted(unique.values(), key=_place)


def _place(header: Dataset) -> tuple[int, str, int, str]:
    return (
        _number(header, "SeriesNumber"),
        str(header.SeriesInstanceUID),
        _number(header, "InstanceNumber"),
        str(header.SOPInstanceUID),
    )


def _number(header: Dataset, keyword: str) -> int:
    value = copy_elements(header, [keyword]).get(keyword)
    return value if isinstance(value, int) else 0


def _add_document(report: Dataset, headers: Sequence[Dataset], issue: ReportIssue) -> None:
    """SR Document General, PS3.3 C.17.2: complete, yet nobody has verified it."""
    report.InstanceNumber = issue.revision
    report.CompletionFlag = "COMPLETE"
    report.PreliminaryFlag = "PRELIMINARY"
    report.VerificationFlag = "UNVERIFIED"
    report.ReferencedPerformedProcedureStepSequence = []
    report.PerformedProcedureCodeSequence = []
    report.CodingSchemeIdentificationSequence = [private_scheme_item()]
    report.ReferencedRequestSequence = list(_requests(headers))
    report.CurrentRequestedProcedureEvidenceSequence = [_evidence_of(report, headers)]
    predecessors = [p for p in issue.predecessors if p.sop_class_uid == report.SOPClassUID]
    if predecessors:
        report.PredecessorDocumentsSequence = [_predecessors_of(report, predecessors)]


def _evidence_of(report: Dataset, headers: Sequence[Dataset]) -> Dataset:
    return _references(
        report.StudyInstanceUID,
        [(h.SeriesInstanceUID, h.SOPClassUID, h.SOPInstanceUID) for h in headers],
    )


def _predecessors_of(report: Dataset, predecessors: Sequence[Predecessor]) -> Dataset:
    return _references(
        report.StudyInstanceUID,
        [(p.series_instance_uid, p.sop_class_uid, p.sop_instance_uid) for p in predecessors],
    )


def _references(study_instance_uid: str, instances: Sequence[tuple[str, str, str]]) -> Dataset:
    """Hierarchical SOP Instance Reference Macro, PS3.3 C.17.2.1."""
    by_series: dict[str, list[Dataset]] = {}
    for series_instance_uid, sop_class_uid, sop_instance_uid in instances:
        reference = Dataset()
        reference.ReferencedSOPClassUID = sop_class_uid
        reference.ReferencedSOPInstanceUID = sop_instance_uid
        by_series.setdefault(str(series_instance_uid), []).append(reference)
    study = Dataset()
    study.StudyInstanceUID = study_instance_uid
    study.ReferencedSeriesSequence = [
        _series_reference(uid, references) for uid, references in by_series.items()
    ]
    return study


def _series_reference(series_instance_uid: str, references: list[Dataset]) -> Dataset:
    series = Dataset()
    series.SeriesInstanceUID = series_instance_uid
    series.ReferencedSOPSequence = references
    return series


_REQUEST = (
    "AccessionNumber",
    "PlacerOrderNumberImagingServiceRequest",
    "FillerOrderNumberImagingServiceRequest",
    "RequestedProcedureID",
    "RequestedProcedureDescription",
    "RequestedProcedureCodeSequence",
)


def _requests(headers: Sequence[Dataset]) -> Iterator[Dataset]:
    """The requests that the images answer, each once."""
    seen = set()
    for header in headers:
        attributes = copy_elements(header, ["RequestAttributesSequence"])
        for source in attributes.get("RequestAttributesSequence") or [header]:
            request = _request(header, source)
            key = (str(request.AccessionNumber), str(request.RequestedProcedureID))
            if key not in seen:
                seen.add(key)
                yield request


def _request(header: Dataset, source: Dataset) -> Dataset:
    """An item of ReferencedRequestSequence; all of these are Type 2."""
    request = copy_elements(source, _REQUEST)
    for keyword in _REQUEST:
        if keyword not in request:
            setattr(request, keyword, [] if keyword.endswith("Sequence") else None)
    if not request.AccessionNumber:
        request.AccessionNumber = copy_elements(header, ["AccessionNumber"]).get("AccessionNumber")
    request.StudyInstanceUID = header.StudyInstanceUID
    request.ReferencedStudySequence = []
    return request
