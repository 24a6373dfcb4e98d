"""The Image Library of a report (TID 1600): every image of the study with what a reader needs."""

from collections.abc import Iterator, Sequence

from highdicom.sr import (
    CodeContentItem,
    ContainerContentItem,
    ContentItem,
    ContentSequence,
    ImageContentItem,
    NumContentItem,
    RelationshipTypeValues,
)
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from dicom_node.received_header import laterality_of, matrix_of, pixel_spacing
from dicom_node.results import codes

_CONTAINS = RelationshipTypeValues.CONTAINS
_HAS_ACQ_CONTEXT = RelationshipTypeValues.HAS_ACQ_CONTEXT


def image_library(headers: Sequence[Dataset]) -> ContainerContentItem:
    """One group with one entry per image."""
    group = ContainerContentItem(codes.IMAGE_LIBRARY_GROUP, relationship_type=_CONTAINS)
    group.ContentSequence = ContentSequence([_entry(header) for header in headers])
    library = ContainerContentItem(codes.IMAGE_LIBRARY, relationship_type=_CONTAINS)
    library.ContentSequence = ContentSequence([group])
    return library


def _entry(header: Dataset) -> ImageContentItem:
    entry = ImageContentItem(
        codes.SOURCE,
        referenced_sop_class_uid=str(header.SOPClassUID),
        referenced_sop_instance_uid=str(header.SOPInstanceUID),
        relationship_type=_CONTAINS,
    )
    descriptors = list(_descriptors(header))
    if descriptors:
        entry.ContentSequence = ContentSequence(descriptors)
    return entry


def _descriptors(header: Dataset) -> Iterator[ContentItem]:
    """TID 1602; an attribute that the image lacks is left out."""
    modality = codes.MODALITIES.get(str(header.get("Modality") or ""))
    if modality is not None:
        yield CodeContentItem(codes.MODALITY, modality, _HAS_ACQ_CONTEXT)
    side = laterality_of(header)
    if side is not None:
        yield CodeContentItem(codes.IMAGE_LATERALITY, codes.SIDES[side], _HAS_ACQ_CONTEXT)
    yield from _matrix(header)


def _matrix(header: Dataset) -> Iterator[ContentItem]:
    rows, columns = matrix_of(header)
    if rows and columns:
        yield _number(codes.PIXEL_DATA_ROWS, rows, codes.PIXELS)
        yield _number(codes.PIXEL_DATA_COLUMNS, columns, codes.PIXELS)
    # As calibrated where that is known, else at the detector.
    spacing = pixel_spacing(header, "PixelSpacing") or pixel_spacing(header, "ImagerPixelSpacing")
    if spacing is not None:
        yield _number(codes.HORIZONTAL_PIXEL_SPACING, spacing[1], codes.MILLIMETER)
        yield _number(codes.VERTICAL_PIXEL_SPACING, spacing[0], codes.MILLIMETER)


def _number(name: Code, value: float, unit: Code) -> NumContentItem:
    return NumContentItem(name, value, unit, relationship_type=_HAS_ACQ_CONTEXT)
