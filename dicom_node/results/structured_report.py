"""The report of a study: a Comprehensive 3D SR, and the same content for those who refuse that."""

from collections.abc import Sequence
from copy import deepcopy

from pydicom.dataset import Dataset
from pydicom.uid import Comprehensive3DSRStorage, ComprehensiveSRStorage

from dicom_node.results.coded_items import private_scheme_item
from dicom_node.results.equipment import Equipment
from dicom_node.results.finding import StudyFinding
from dicom_node.results.header import ResultSeries, encode_values, issue_result, start_result
from dicom_node.results.patient_study import PATIENT_AND_STUDY
from dicom_node.results.reading_order import read_in_order
from dicom_node.results.report_content import report_content
from dicom_node.results.report_references import (
    evidence_reference,
    fulfilled_requests,
    predecessor_reference,
)
from dicom_node.results.result_object import ReportIssue, ResultKind, ResultObject

SERIES_DESCRIPTION = "AI fracture report (unverified)"
_SERIES = (
    ResultSeries(ResultKind.SR, str(Comprehensive3DSRStorage), "SR", 9101, SERIES_DESCRIPTION),
    ResultSeries(
        ResultKind.SR_FALLBACK, str(ComprehensiveSRStorage), "SR", 9101, SERIES_DESCRIPTION
    ),
)
# All that a report takes from a received header.
REPORT_KEYWORDS = (
    *PATIENT_AND_STUDY,
    "SpecificCharacterSet",
    "SOPClassUID",
    "SOPInstanceUID",
    "SeriesInstanceUID",
    "SeriesNumber",
    "InstanceNumber",
    "Modality",
    "ImageLaterality",
    "Laterality",
    "Rows",
    "Columns",
    "NumberOfFrames",
    "PixelSpacing",
    "ImagerPixelSpacing",
    "RequestAttributesSequence",
    "RequestedProcedureCodeSequence",
)


def build_reports(
    evidence: Sequence[Dataset], finding: StudyFinding, issue: ReportIssue
) -> list[ResultObject]:
    """The SR and its fallback, from the headers of all received instances of one study.

    The same headers (in any order), finding and issue give the same bytes.
    """
    headers = read_in_order(evidence, REPORT_KEYWORDS, finding)
    equipment = Equipment(finding.algorithm, issue.serial_number)
    report = start_result(headers[0], equipment, issue)
    _add_document(report, headers, issue)
    report.update(report_content(headers, finding, equipment))
    values = encode_values(report, headers)
    return [_issued(values, series, equipment, issue) for series in _SERIES]


def _issued(
    values: Dataset, series: ResultSeries, equipment: Equipment, issue: ReportIssue
) -> ResultObject:
    """The report in one class, naming those of its predecessors that are of the same class."""
    report = deepcopy(values)
    predecessors = [p for p in issue.predecessors if p.sop_class_uid == series.sop_class_uid]
    if predecessors:
        report.PredecessorDocumentsSequence = [
            predecessor_reference(report.StudyInstanceUID, predecessors)
        ]
    return issue_result(report, series, equipment)


def _add_document(report: Dataset, headers: Sequence[Dataset], issue: ReportIssue) -> None:
    """SR Document General, PS3.3 C.17.2: complete, yet nobody has verified it."""
    report.InstanceNumber = issue.revision
    report.CompletionFlag = "COMPLETE"
    report.PreliminaryFlag = "PRELIMINARY"
    report.VerificationFlag = "UNVERIFIED"
    report.ReferencedPerformedProcedureStepSequence = []
    report.PerformedProcedureCodeSequence = []
    report.CodingSchemeIdentificationSequence = [private_scheme_item()]
    report.ReferencedRequestSequence = list(fulfilled_requests(headers))
    report.CurrentRequestedProcedureEvidenceSequence = [evidence_reference(headers)]
