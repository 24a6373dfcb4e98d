"""The study's report as one page of PDF, for every archive that keeps documents."""

from collections.abc import Mapping, Sequence

import numpy as np
import structlog
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import EncapsulatedPDFStorage

from dicom_node.results import codes
from dicom_node.results.coded_items import coded_item
from dicom_node.results.equipment import Equipment
from dicom_node.results.finding import StudyFinding
from dicom_node.results.header import ResultSeries, encode_values, issue_result, start_result
from dicom_node.results.instance_reference import instance_reference
from dicom_node.results.page_identity import identity_of
from dicom_node.results.patient_study import in_source_zone
from dicom_node.results.pdf_page import TITLE, draw_pdf_page
from dicom_node.results.reading_order import read_in_order
from dicom_node.results.result_object import ReportIssue, ResultKind, ResultObject
from dicom_node.results.structured_report import REPORT_KEYWORDS
from dicom_node.results.study_page import study_page

log = structlog.get_logger(__name__)

_SERIES = ResultSeries(ResultKind.PDF, str(EncapsulatedPDFStorage), "DOC", 9104, TITLE)


def build_pdf_report(
    evidence: Sequence[Dataset],
    finding: StudyFinding,
    pictures: Mapping[str, NDArray[np.uint8]],
    issue: ReportIssue,
) -> ResultObject:
    """The report with annotated pictures [rows, columns, 3] by SOP Instance UID where there are.

    The same headers (in any order), finding, pictures, issue and fonts give the same bytes.
    """
    headers = read_in_order(evidence, REPORT_KEYWORDS, finding)
    equipment = Equipment(finding.algorithm, issue.serial_number)
    report = start_result(headers[0], equipment, issue)
    identity = identity_of(report, headers)
    if identity.missing_scripts:
        log.warning("no_font_for_patient_text", scripts=list(identity.missing_scripts))
    page = study_page(headers, finding, issue)
    created_at = in_source_zone(issue.created_at, report)
    _describe_document(report, headers, issue)
    _encapsulate(report, draw_pdf_page(page, identity, pictures, created_at))
    return issue_result(encode_values(report, headers), _SERIES, equipment)


def _describe_document(report: Dataset, headers: Sequence[Dataset], issue: ReportIssue) -> None:
    """SC Equipment and Encapsulated Document, PS3.3 C.8.6.1 and C.24.2."""
    report.ConversionType = "WSD"
    report.InstanceNumber = issue.revision
    report.AcquisitionDateTime = None
    report.BurnedInAnnotation = "YES"
    report.RecognizableVisualFeatures = "NO"
    report.VerificationFlag = "UNVERIFIED"
    report.DocumentTitle = TITLE
    report.ConceptNameCodeSequence = [coded_item(codes.REPORT_TITLE)]
    report.SourceInstanceSequence = [
        instance_reference(header.SOPClassUID, header.SOPInstanceUID) for header in headers
    ]


def _encapsulate(report: Dataset, document: bytes) -> None:
    report.MIMETypeOfEncapsulatedDocument = "application/pdf"
    report.EncapsulatedDocumentLength = len(document)
    # The length tells the document from the padding that its writing adds (PS3.5 7.1.1).
    report.EncapsulatedDocument = document
