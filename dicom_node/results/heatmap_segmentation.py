"""The heatmap as a segmentation: for each pixel of the image how probable a fracture is there."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import SegmentationStorage

from dicom_node.received_header import copy_elements, laterality_of, matrix_of
from dicom_node.results import codes
from dicom_node.results.coded_items import coded_item
from dicom_node.results.equipment import MANUFACTURER, Equipment
from dicom_node.results.finding import AlgorithmIdentity, ImageFinding
from dicom_node.results.header import ResultSeries, encode_values, issue_result, start_result
from dicom_node.results.patient_study import PATIENT_AND_STUDY
from dicom_node.results.result_object import ReportIssue, ResultKind, ResultObject
from dicom_node.results.source_image import (
    LOSSY_COMPRESSION,
    SOURCE_IMAGE_KEYWORDS,
    image_reference,
    patient_orientation,
    source_reference,
)
from dicom_node.uids import derive_uid

_SERIES = ResultSeries(
    ResultKind.SEG, str(SegmentationStorage), "SEG", 9106, "AI fracture heatmap (unverified)"
)
SEGMENTATION_KEYWORDS = (
    *PATIENT_AND_STUDY,
    *SOURCE_IMAGE_KEYWORDS,
    *LOSSY_COMPRESSION,
    "SpecificCharacterSet",
    "Rows",
    "Columns",
)
_CERTAIN = 255  # MaximumFractionalValue
_RED = [39997, 48447, 45430]  # CIELab in 16 bits (PS3.3 C.10.7.1.1)


class NoHeatmap(ValueError):
    """There is no heat, or no matrix, to make a segmentation of."""


def build_segmentation(
    source: Dataset,
    heatmap: NDArray[np.float32],
    finding: ImageFinding,
    algorithm: AlgorithmIdentity,
    issue: ReportIssue,
) -> ResultObject:
    """One FRACTIONAL segment; `heatmap` holds 0..1 in whatever grid, and spans the image.

    It has the matrix of its source: a radiograph has no frame of reference, and without one each
    pixel of a segmentation shall be a pixel of the image referred to (PS3.3 A.51.5.1). A coarser
    grid would be smaller, and nothing in it could say where it lies.
    """
    header = copy_elements(source, SEGMENTATION_KEYWORDS)
    probabilities = _over_matrix(heatmap, matrix_of(header))
    algorithm = finding.algorithm_within(algorithm)
    equipment = Equipment(algorithm, issue.serial_number)
    segmentation = start_result(header, equipment, issue)
    _describe_image(segmentation, header, finding)
    _describe_segment(segmentation, header, finding, algorithm)
    _place_frame(segmentation, header, finding)
    values = encode_values(segmentation, [header])
    _add_pixels(values, probabilities)
    return issue_result(values, _SERIES, equipment)


def _over_matrix(heatmap: NDArray[np.float32], matrix: tuple[int, int]) -> NDArray[np.uint8]:
    """In steps of 1/255 from the start, for Pillow's integers are the same on every machine."""
    rows, columns = matrix
    if heatmap.ndim != 2 or not heatmap.size or 0 in matrix:
        raise NoHeatmap(f"a heatmap of {heatmap.shape} for an image of {matrix}")
    steps = np.rint(np.clip(np.nan_to_num(heatmap), 0, 1) * _CERTAIN).astype(np.uint8)
    # Linear between the cells: a cubic would rise above their peaks.
    spread = Image.fromarray(steps).resize((columns, rows), Image.Resampling.BILINEAR)
    return np.asarray(spread)


def _describe_image(segmentation: Dataset, header: Dataset, finding: ImageFinding) -> None:
    """General Image and Segmentation Image, PS3.3 C.7.6.1 and C.8.20.2."""
    segmentation.InstanceNumber = 1
    segmentation.ImageType = ["DERIVED", "PRIMARY"]
    segmentation.PatientOrientation = patient_orientation(header)
    side = laterality_of(header, finding.laterality)
    if side is not None:
        segmentation.ImageLaterality = side
    segmentation.LossyImageCompression = "00"
    segmentation.update(_loss(header))
    segmentation.ContentLabel = "AI_HEATMAP"
    segmentation.ContentDescription = "Search for fractures, not verified"
    segmentation.ContentCreatorName = None
    segmentation.SegmentationType = "FRACTIONAL"
    segmentation.SegmentationFractionalType = "PROBABILITY"
    segmentation.MaximumFractionalValue = _CERTAIN


def _loss(header: Dataset) -> Dataset:
    if header.get("LossyImageCompression") != "01":
        return Dataset()
    return copy_elements(header, (name for name in LOSSY_COMPRESSION if header.get(name)))


def _describe_segment(
    segmentation: Dataset, header: Dataset, finding: ImageFinding, algorithm: AlgorithmIdentity
) -> None:
    """Segment Description Macro, PS3.3 C.8.20.4: a fracture, an abnormal structure (CID 7150)."""
    segment = Dataset()
    segment.SegmentNumber = 1
    segment.SegmentLabel = "Fracture"
    segment.SegmentDescription = "Probability of a fracture, not verified"
    segment.SegmentAlgorithmType = "AUTOMATIC"
    segment.SegmentAlgorithmName = f"{algorithm.name} {algorithm.version}"
    segment.SegmentationAlgorithmIdentificationSequence = [_identification(algorithm)]
    segment.SegmentedPropertyCategoryCodeSequence = [coded_item(codes.MORPHOLOGICALLY_ABNORMAL)]
    segment.SegmentedPropertyTypeCodeSequence = [coded_item(codes.FRACTURE)]
    region = codes.find_code(codes.REGIONS, finding.region)
    side = codes.SIDES.get(laterality_of(header, finding.laterality) or "")
    if region is not None:
        segment.AnatomicRegionSequence = [coded_item(region)]
        if side is not None:
            segment.AnatomicRegionSequence[0].AnatomicRegionModifierSequence = [coded_item(side)]
    segment.RecommendedDisplayCIELabValue = _RED
    segmentation.SegmentSequence = [segment]


def _identification(algorithm: AlgorithmIdentity) -> Dataset:
    """Algorithm Identification Macro, PS3.3 10.16."""
    item = Dataset()
    item.AlgorithmFamilyCodeSequence = [coded_item(codes.ARTIFICIAL_INTELLIGENCE)]
    item.AlgorithmName = algorithm.name
    item.AlgorithmVersion = algorithm.version
    item.AlgorithmSource = MANUFACTURER
    return item


def _place_frame(segmentation: Dataset, header: Dataset, finding: ImageFinding) -> None:
    """Multi-frame Functional Groups and Dimension, Common Instance Reference; one frame."""
    organization, index = Dataset(), Dataset()
    organization.DimensionOrganizationUID = derive_uid("dimension organization", "segment number")
    index.DimensionOrganizationUID = organization.DimensionOrganizationUID
    index.DimensionIndexPointer = Tag("ReferencedSegmentNumber")
    index.FunctionalGroupPointer = Tag("SegmentIdentificationSequence")
    segmentation.DimensionOrganizationSequence = [organization]
    segmentation.DimensionIndexSequence = [index]
    segmentation.NumberOfFrames = 1
    segmentation.SharedFunctionalGroupsSequence = [Dataset()]
    segmentation.PerFrameFunctionalGroupsSequence = [_frame(header, finding)]
    series = Dataset()
    series.SeriesInstanceUID = header.SeriesInstanceUID
    series.ReferencedInstanceSequence = [image_reference(header)]
    segmentation.ReferencedSeriesSequence = [series]


def _frame(header: Dataset, finding: ImageFinding) -> Dataset:
    content, segment, derivation, frame = Dataset(), Dataset(), Dataset(), Dataset()
    content.DimensionIndexValues = [1]
    segment.ReferencedSegmentNumber = 1
    source = source_reference(header, finding.frame)
    source.SpatialLocationsPreserved = "YES"
    derivation.SourceImageSequence = [source]
    derivation.DerivationCodeSequence = [coded_item(codes.SEGMENTATION)]
    frame.FrameContentSequence = [content]
    frame.SegmentIdentificationSequence = [segment]
    frame.DerivationImageSequence = [derivation]
    return frame


def _add_pixels(segmentation: Dataset, probabilities: NDArray[np.uint8]) -> None:
    """Image Pixel, PS3.3 C.7.6.3."""
    segmentation.Rows, segmentation.Columns = probabilities.shape
    segmentation.SamplesPerPixel = 1
    segmentation.PhotometricInterpretation = "MONOCHROME2"
    segmentation.BitsAllocated = segmentation.BitsStored = 8
    segmentation.HighBit = 7
    segmentation.PixelRepresentation = 0
    segmentation.add_new("PixelData", "OB", probabilities.tobytes())
