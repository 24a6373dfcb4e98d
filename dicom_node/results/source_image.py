"""The received image that a result is about: the reference to it, and what holds for both."""

from pydicom.dataset import Dataset

from dicom_node.received_header import is_multi_frame, laterality_of, pixel_spacing
from dicom_node.results import codes
from dicom_node.results.coded_items import coded_item
from dicom_node.results.finding import ImageFinding
from dicom_node.results.instance_reference import instance_reference

# An image once compressed with loss stays so, and so does what is derived from it (PS3.3
# C.7.6.1.1.5).
LOSSY_COMPRESSION = (
    "LossyImageCompression",
    "LossyImageCompressionRatio",
    "LossyImageCompressionMethod",
)
# All that the functions below read.
SOURCE_IMAGE_KEYWORDS = (
    "SOPClassUID",
    "SOPInstanceUID",
    "SeriesInstanceUID",
    "InstanceNumber",
    "NumberOfFrames",
    "PatientOrientation",
    "ImageLaterality",
    "Laterality",
    "PixelSpacing",
    "ImagerPixelSpacing",
    "PixelAspectRatio",
)


def frame_in(header: Dataset, frame: int | None) -> int | None:
    """The frame, where the object has several."""
    return frame if is_multi_frame(header) else None


def image_reference(header: Dataset, frame: int | None = None) -> Dataset:
    """The image, or one of its frames."""
    return instance_reference(header.SOPClassUID, header.SOPInstanceUID, frame_in(header, frame))


def source_reference(header: Dataset, frame: int | None = None) -> Dataset:
    """The image as what a picture was made from, an item of SourceImageSequence."""
    reference = image_reference(header, frame)
    reference.PurposeOfReferenceCodeSequence = [coded_item(codes.SOURCE_IMAGE)]
    return reference


def add_side(result: Dataset, header: Dataset, finding: ImageFinding) -> None:
    """The image's own side, for a series may hold both; else the series' one, unknown (2C)."""
    side = laterality_of(header, finding.laterality)
    if side is None:
        result.Laterality = None
    else:
        result.ImageLaterality = side


def patient_orientation(header: Dataset) -> list[str] | None:
    """The two directions; None where the source has not both."""
    value = header.get("PatientOrientation")
    if value is None or isinstance(value, str) or len(value) != 2 or not all(value):
        return None
    return [str(direction) for direction in value]


def best_spacing(header: Dataset) -> tuple[float, float] | None:
    """Of rows and columns in mm, as calibrated where that is known, else at the detector."""
    return pixel_spacing(header, "PixelSpacing") or pixel_spacing(header, "ImagerPixelSpacing")


def pixel_aspect_ratio(header: Dataset) -> list[int]:
    """Height to width of a pixel, in whole numbers."""
    spacing = best_spacing(header)
    if spacing is not None and spacing[0] != spacing[1]:
        return [max(1, round(1000 * side)) for side in spacing]
    stated = header.get("PixelAspectRatio") or []
    if spacing is None and len(stated) == 2 and all(side > 0 for side in stated):
        return [int(side) for side in stated]
    return [1, 1]
