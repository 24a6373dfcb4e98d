"""Boxes and words as a presentation state, which a viewer lays over the image it received."""

from pydicom.dataset import Dataset
from pydicom.uid import GrayscaleSoftcopyPresentationStateStorage
from pydicom.valuerep import format_number_as_ds

from dicom_node.received_header import copy_elements, matrix_of, pixel_spacing, whole_number
from dicom_node.results.annotation_graphics import banner, box_graphics, box_labels
from dicom_node.results.equipment import Equipment
from dicom_node.results.finding import (
    AlgorithmIdentity,
    FindingState,
    ImageFinding,
    clamped_boxes,
)
from dicom_node.results.greyscale_state import GREYSCALE_KEYWORDS, add_greyscale
from dicom_node.results.header import ResultSeries, encode_values, issue_result, start_result
from dicom_node.results.overlay_activation import (
    OVERLAY_ELEMENTS,
    activate_overlays,
    overlay_groups,
)
from dicom_node.results.patient_study import PATIENT_AND_STUDY
from dicom_node.results.result_object import ReportIssue, ResultKind, ResultObject
from dicom_node.results.source_image import (
    SOURCE_IMAGE_KEYWORDS,
    add_side,
    image_reference,
    pixel_aspect_ratio,
)

_SERIES = ResultSeries(
    ResultKind.GSPS,
    str(GrayscaleSoftcopyPresentationStateStorage),
    "PR",
    9103,
    "AI annotations (unverified)",
)
PRESENTATION_KEYWORDS = (
    *PATIENT_AND_STUDY,
    *SOURCE_IMAGE_KEYWORDS,
    *GREYSCALE_KEYWORDS,
    "SpecificCharacterSet",
    "Rows",
    "Columns",
)
_BOX_LAYER, _TEXT_LAYER, _OVERLAY_LAYER = "AI_FINDING", "AI_TEXT", "IMAGE_OVERLAY"
_WHITE = 0xFFFF
# The colours of the annotated image, as CIELab in 16 bits (PS3.3 C.10.7.1.1).
_RED, _AMBER, _YELLOW = (39997, 48447, 45430), (53996, 35161, 51668), (57114, 33381, 48180)
# One pixel across, nothing drawn could be told, and dciodvfy takes such an area for a mistake.
_SMALLEST_SIDE = 2


class NoPresentationState(ValueError):
    """The image is not a grey one, or too small to be annotated."""


def presentation_state_possible(header: Dataset) -> bool:
    """Whether the image is grey and large enough.

    A colour image would need a Color Softcopy Presentation State with an ICC profile; it has its
    annotated image. Where nothing is said the image is taken for grey.
    """
    photometric = str(header.get("PhotometricInterpretation") or "MONOCHROME2")
    grey = photometric in {"MONOCHROME1", "MONOCHROME2"}
    large = min(matrix_of(header)) >= _SMALLEST_SIDE
    return grey and large and whole_number(header, "SamplesPerPixel") <= 1


def build_presentation_state(
    source: Dataset, finding: ImageFinding, algorithm: AlgorithmIdentity, issue: ReportIssue
) -> ResultObject:
    """The finding over its image or frame: boxes where there are any, and always the answer."""
    header = copy_elements(source, (*PRESENTATION_KEYWORDS, *OVERLAY_ELEMENTS))
    if not presentation_state_possible(header):
        raise NoPresentationState("the image is in colour, or less than two pixels wide or high")
    algorithm = finding.algorithm_within(algorithm)
    equipment = Equipment(algorithm, issue.serial_number)
    state = start_result(header, equipment, issue)
    _identify(state, header)
    _relate(state, header, finding)
    _show_overlays(state, header)
    _annotate(state, header, finding, algorithm)
    add_greyscale(state, header)
    return issue_result(encode_values(state, [header]), _SERIES, equipment)


def _identify(state: Dataset, header: Dataset) -> None:
    """Presentation State Identification, PS3.3 C.11.10, numbered as the source is."""
    state.PresentationCreationDate = state.pop("ContentDate").value
    state.PresentationCreationTime = state.pop("ContentTime").value
    state.InstanceNumber = whole_number(header, "InstanceNumber") or 1
    state.ContentLabel = "AI_FRACTURE"
    state.ContentDescription = "Search for fractures, not verified"
    state.ContentCreatorName = None


def _relate(state: Dataset, header: Dataset, finding: ImageFinding) -> None:
    """Presentation State Relationship and Displayed Area, PS3.3 C.11.11 and C.10.4."""
    series = Dataset()
    series.SeriesInstanceUID = header.SeriesInstanceUID
    series.ReferencedImageSequence = [image_reference(header, finding.frame)]
    state.ReferencedSeriesSequence = [series]
    state.DisplayedAreaSelectionSequence = [_displayed_area(header)]
    add_side(state, header, finding)


def _displayed_area(header: Dataset) -> Dataset:
    """The whole image. Unlike a graphic's, its corners are pixels, counted from 1."""
    rows, columns = matrix_of(header)
    area = Dataset()
    area.DisplayedAreaTopLeftHandCorner = [1, 1]
    area.DisplayedAreaBottomRightHandCorner = [columns, rows]
    area.PresentationSizeMode = "SCALE TO FIT"
    spacing = pixel_spacing(header, "PixelSpacing")
    if spacing is not None:
        area.PresentationPixelSpacing = [format_number_as_ds(side) for side in spacing]
    else:
        area.PresentationPixelAspectRatio = pixel_aspect_ratio(header)
    return area


def _show_overlays(state: Dataset, header: Dataset) -> None:
    groups = overlay_groups(header)
    if groups:
        _add_layer(state, _OVERLAY_LAYER)
        activate_overlays(state, groups, _OVERLAY_LAYER)


def _annotate(
    state: Dataset, header: Dataset, finding: ImageFinding, algorithm: AlgorithmIdentity
) -> None:
    """Graphic Annotation and Graphic Layer, PS3.3 C.10.5 and C.10.7."""
    matrix = matrix_of(header)
    boxes = clamped_boxes(finding.boxes, matrix)
    answer = banner(finding, algorithm, boxes, matrix)
    _layer(state, _TEXT_LAYER, _YELLOW).TextObjectSequence = [answer]
    if boxes:
        possible = finding.state is FindingState.POSSIBLE
        places = _layer(state, _BOX_LAYER, _AMBER if possible else _RED)
        places.TextObjectSequence = box_labels(boxes, matrix, answer)
        places.GraphicObjectSequence = box_graphics(boxes, matrix, dashed=possible)


def _layer(state: Dataset, name: str, colour: tuple[int, int, int]) -> Dataset:
    """A new layer of this colour; what is returned is for its annotations."""
    _add_layer(state, name).GraphicLayerRecommendedDisplayCIELabValue = list(colour)
    annotations = Dataset()
    annotations.GraphicLayer = name
    state.GraphicAnnotationSequence = [*state.get("GraphicAnnotationSequence", []), annotations]
    return annotations


def _add_layer(state: Dataset, name: str) -> Dataset:
    """Drawn above those before it."""
    layer = Dataset()
    layers = [*state.get("GraphicLayerSequence", []), layer]
    layer.GraphicLayer = name
    layer.GraphicLayerOrder = len(layers)
    layer.GraphicLayerRecommendedDisplayGrayscaleValue = _WHITE
    state.GraphicLayerSequence = layers
    return layer
