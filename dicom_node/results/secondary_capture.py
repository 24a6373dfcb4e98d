"""The annotated image as a Secondary Capture, which every viewer can show."""

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import SecondaryCaptureImageStorage

from dicom_node.received_header import copy_elements, matrix_of, pixel_spacing, whole_number
from dicom_node.results.equipment import Equipment
from dicom_node.results.finding import AlgorithmIdentity, ImageFinding
from dicom_node.results.header import ResultSeries, encode_values, issue_result, start_result
from dicom_node.results.patient_study import PATIENT_AND_STUDY
from dicom_node.results.result_object import ReportIssue, ResultKind, ResultObject
from dicom_node.results.rgb_capture import add_rgb_pixels, describe_capture
from dicom_node.results.source_image import (
    LOSSY_COMPRESSION,
    SOURCE_IMAGE_KEYWORDS,
    add_side,
    patient_orientation,
    pixel_aspect_ratio,
    source_reference,
)

_SERIES = ResultSeries(
    ResultKind.SC,
    str(SecondaryCaptureImageStorage),
    "OT",
    9102,
    "AI annotated image (unverified)",
)
# The capture has the matrix of its source, so what tells the size of a pixel holds for both.
_GEOMETRY_AND_LOSS = (
    "PixelSpacing",
    "PixelSpacingCalibrationType",
    "PixelSpacingCalibrationDescription",
    *LOSSY_COMPRESSION,
)
CAPTURE_KEYWORDS = (
    *PATIENT_AND_STUDY,
    *SOURCE_IMAGE_KEYWORDS,
    *_GEOMETRY_AND_LOSS,
    "SpecificCharacterSet",
    "Rows",
    "Columns",
)


class MatrixMismatch(ValueError):
    """The annotated picture has not the rows and columns of its source."""


def build_secondary_capture(
    source: Dataset,
    annotated: NDArray[np.uint8],
    finding: ImageFinding,
    algorithm: AlgorithmIdentity,
    issue: ReportIssue,
) -> ResultObject:
    """An RGB capture of `annotated` [rows, columns, 3], numbered as its source is."""
    header = copy_elements(source, CAPTURE_KEYWORDS)
    if annotated.shape != (*matrix_of(header), 3) or annotated.dtype != np.uint8:
        raise MatrixMismatch(f"{annotated.shape} {annotated.dtype} for {matrix_of(header)}")
    equipment = Equipment(finding.algorithm_within(algorithm), issue.serial_number)
    capture = start_result(header, equipment, issue)
    _describe_image(capture, header, finding)
    describe_capture(capture, equipment)
    add_rgb_pixels(capture, annotated)
    return issue_result(encode_values(capture, [header]), _SERIES, equipment)


def _describe_image(capture: Dataset, header: Dataset, finding: ImageFinding) -> None:
    """General Image, PS3.3 C.7.6.1."""
    capture.InstanceNumber = whole_number(header, "InstanceNumber") or None
    capture.ImageType = ["DERIVED", "SECONDARY"]
    capture.PatientOrientation = patient_orientation(header)
    add_side(capture, header, finding)
    capture.DerivationDescription = "Search for fractures drawn on the image, not verified"
    capture.SourceImageSequence = [source_reference(header, finding.frame)]
    capture.BurnedInAnnotation = "YES"
    capture.RecognizableVisualFeatures = "NO"
    capture.update(copy_elements(header, _GEOMETRY_AND_LOSS))
    if "PixelSpacing" in capture and pixel_spacing(header, "PixelSpacing") is None:
        del capture.PixelSpacing
    ratio = pixel_aspect_ratio(header)
    if "PixelSpacing" not in capture and ratio[0] != ratio[1]:
        # An Imager Pixel Spacing, which a capture has not, may have said it (C.7.6.3.1.7).
        capture.PixelAspectRatio = ratio
