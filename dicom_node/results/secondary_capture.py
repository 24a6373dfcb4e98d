"""The annotated image as a Secondary Capture, which every viewer can show."""

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import SecondaryCaptureImageStorage

from dicom_node.received_header import (
    copy_elements,
    is_multi_frame,
    laterality_of,
    matrix_of,
    pixel_spacing,
    whole_number,
)
from dicom_node.results import codes
from dicom_node.results.coded_items import coded_item
from dicom_node.results.equipment import MANUFACTURER, PRODUCT, Equipment
from dicom_node.results.finding import AlgorithmIdentity, ImageFinding
from dicom_node.results.header import ResultSeries, encode_values, issue_result, start_result
from dicom_node.results.patient_study import PATIENT_AND_STUDY
from dicom_node.results.result_object import ReportIssue, ResultKind, ResultObject

_SERIES = ResultSeries(
    ResultKind.SC,
    str(SecondaryCaptureImageStorage),
    "OT",
    9102,
    "AI annotated image (unverified)",
)
# The capture has the matrix of its source, so what tells the size of a pixel holds for both;
# and an image once compressed with loss stays so (PS3.3 C.7.6.1.1.5).
_GEOMETRY_AND_LOSS = (
    "PixelSpacing",
    "PixelSpacingCalibrationType",
    "PixelSpacingCalibrationDescription",
    "PixelAspectRatio",
    "LossyImageCompression",
    "LossyImageCompressionRatio",
    "LossyImageCompressionMethod",
)
CAPTURE_KEYWORDS = (
    *PATIENT_AND_STUDY,
    *_GEOMETRY_AND_LOSS,
    "SpecificCharacterSet",
    "SOPClassUID",
    "SOPInstanceUID",
    "InstanceNumber",
    "PatientOrientation",
    "ImageLaterality",
    "Laterality",
    "Rows",
    "Columns",
    "NumberOfFrames",
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
    equipment = Equipment(algorithm, issue.serial_number)
    capture = start_result(header, equipment, issue)
    _describe_image(capture, header, finding)
    _describe_capture(capture, equipment)
    _add_pixels(capture, annotated)
    return issue_result(encode_values(capture, header), _SERIES, equipment)


def _describe_image(capture: Dataset, header: Dataset, finding: ImageFinding) -> None:
    """General Image, PS3.3 C.7.6.1."""
    capture.InstanceNumber = whole_number(header, "InstanceNumber") or None
    capture.ImageType = ["DERIVED", "SECONDARY"]
    capture.PatientOrientation = _orientation(header)
    _add_side(capture, laterality_of(header, finding.laterality))
    capture.DerivationDescription = "Search for fractures drawn on the image, not verified"
    capture.SourceImageSequence = [_source_reference(header, finding)]
    capture.BurnedInAnnotation = "YES"
    capture.RecognizableVisualFeatures = "NO"
    capture.update(copy_elements(header, _GEOMETRY_AND_LOSS))
    if "PixelSpacing" in capture and pixel_spacing(header, "PixelSpacing") is None:
        del capture.PixelSpacing


def _add_side(capture: Dataset, side: str | None) -> None:
    """The image's own side, for a series may hold both; else the series' one, unknown (2C)."""
    if side is None:
        capture.Laterality = None
    else:
        capture.ImageLaterality = side


def _orientation(header: Dataset) -> list[str] | None:
    """The two directions; Type 2, so empty where the source has not both."""
    value = header.get("PatientOrientation")
    if value is None or isinstance(value, str) or len(value) != 2 or not all(value):
        return None
    return [str(direction) for direction in value]


def _source_reference(header: Dataset, finding: ImageFinding) -> Dataset:
    reference = Dataset()
    reference.ReferencedSOPClassUID = header.SOPClassUID
    reference.ReferencedSOPInstanceUID = header.SOPInstanceUID
    if finding.frame is not None and is_multi_frame(header):
        reference.ReferencedFrameNumber = finding.frame
    reference.PurposeOfReferenceCodeSequence = [coded_item(codes.SOURCE_IMAGE)]
    return reference


def _describe_capture(capture: Dataset, equipment: Equipment) -> None:
    """SC Equipment and SC Image, PS3.3 C.8.6."""
    capture.ConversionType = "WSD"
    capture.SecondaryCaptureDeviceManufacturer = MANUFACTURER
    capture.SecondaryCaptureDeviceManufacturerModelName = PRODUCT
    capture.SecondaryCaptureDeviceSoftwareVersions = equipment.software_versions
    capture.DateOfSecondaryCapture = capture.ContentDate
    capture.TimeOfSecondaryCapture = capture.ContentTime


def _add_pixels(capture: Dataset, annotated: NDArray[np.uint8]) -> None:
    """Image Pixel, PS3.3 C.7.6.3."""
    capture.Rows, capture.Columns = annotated.shape[:2]
    capture.SamplesPerPixel = 3
    capture.PhotometricInterpretation = "RGB"
    capture.PlanarConfiguration = 0
    capture.BitsAllocated = capture.BitsStored = 8
    capture.HighBit = 7
    capture.PixelRepresentation = 0
    pixels = np.ascontiguousarray(annotated).tobytes()
    # A value has an even length (PS3.5 7.1.1).
    capture.add_new("PixelData", "OB", pixels + b"\0" * (len(pixels) % 2))
