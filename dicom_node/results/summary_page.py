"""The study at a glance, as a Secondary Capture that every viewer can show."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import SecondaryCaptureImageStorage

from dicom_node.received_header import is_image
from dicom_node.results.equipment import Equipment
from dicom_node.results.finding import StudyFinding
from dicom_node.results.header import ResultSeries, encode_values, issue_result, start_result
from dicom_node.results.reading_order import read_in_order
from dicom_node.results.result_object import ReportIssue, ResultKind, ResultObject
from dicom_node.results.rgb_capture import add_rgb_pixels, describe_capture
from dicom_node.results.source_image import source_reference
from dicom_node.results.structured_report import REPORT_KEYWORDS
from dicom_node.results.study_page import study_page
from dicom_node.results.summary_drawing import draw_summary

_SERIES = ResultSeries(
    ResultKind.SUMMARY,
    str(SecondaryCaptureImageStorage),
    "OT",
    9107,
    "AI summary (unverified)",
)
SUMMARY_KEYWORDS = (*REPORT_KEYWORDS, "BurnedInAnnotation")


def build_summary_page(
    evidence: Sequence[Dataset],
    finding: StudyFinding,
    pictures: Mapping[str, NDArray[np.uint8]],
    issue: ReportIssue,
) -> ResultObject:
    """One RGB page with annotated pictures [rows, columns, 3] by SOP Instance UID where there are.

    The same headers (in any order), finding, pictures and issue give the same bytes.
    """
    headers = read_in_order(evidence, SUMMARY_KEYWORDS, finding)
    equipment = Equipment(finding.algorithm, issue.serial_number)
    summary = start_result(headers[0], equipment, issue)
    _describe_image(summary, headers, issue)
    _say_what_is_burned_in(summary, [one for one in headers if one.SOPInstanceUID in pictures])
    describe_capture(summary, equipment)
    add_rgb_pixels(summary, draw_summary(study_page(headers, finding, issue), pictures))
    return issue_result(encode_values(summary, headers), _SERIES, equipment)


def _describe_image(summary: Dataset, headers: Sequence[Dataset], issue: ReportIssue) -> None:
    """General Image, PS3.3 C.7.6.1."""
    summary.InstanceNumber = issue.revision
    summary.ImageType = ["DERIVED", "SECONDARY"]
    summary.PatientOrientation = None
    summary.Laterality = None
    summary.DerivationDescription = "Summary of a search for fractures, not verified"
    summary.RecognizableVisualFeatures = "NO"
    sources = [source_reference(header) for header in headers if is_image(header)]
    if sources:
        summary.SourceImageSequence = sources


def _say_what_is_burned_in(summary: Dataset, shown: Sequence[Dataset]) -> None:
    """No text of ours tells whose the page is (PS3.3 C.7.6.1); that in a picture of it may."""
    stated = {str(header.get("BurnedInAnnotation") or "") for header in shown}
    if "YES" in stated:
        summary.BurnedInAnnotation = "YES"
    elif stated <= {"NO"}:
        summary.BurnedInAnnotation = "NO"
