"""The Image Library of a report (TID 1600): every image of the study with what a reader needs."""

from collections.abc import Iterator, Sequence

from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from dicom_node.received_header import laterality_of, matrix_of
from dicom_node.results import codes
from dicom_node.results.content_items import (
    ImageReference,
    Relationship,
    code_item,
    container,
    image_item,
    number_item,
)
from dicom_node.results.source_image import best_spacing

_HAS_ACQ_CONTEXT = Relationship.HAS_ACQ_CONTEXT


def image_library(headers: Sequence[Dataset]) -> Dataset:
    """One group with one entry per image."""
    group = container(codes.IMAGE_LIBRARY_GROUP, [_entry(header) for header in headers])
    return container(codes.IMAGE_LIBRARY, [group])


def _entry(header: Dataset) -> Dataset:
    image = ImageReference(str(header.SOPClassUID), str(header.SOPInstanceUID))
    return image_item(Relationship.CONTAINS, codes.SOURCE, image, list(_descriptors(header)))


def _descriptors(header: Dataset) -> Iterator[Dataset]:
    """TID 1602; an attribute that the image lacks is left out."""
    modality = codes.MODALITIES.get(str(header.get("Modality") or ""))
    if modality is not None:
        yield code_item(_HAS_ACQ_CONTEXT, codes.MODALITY, modality)
    side = laterality_of(header)
    if side is not None:
        yield code_item(_HAS_ACQ_CONTEXT, codes.IMAGE_LATERALITY, codes.SIDES[side])
    yield from _matrix(header)


def _matrix(header: Dataset) -> Iterator[Dataset]:
    rows, columns = matrix_of(header)
    if rows and columns:
        yield _number(codes.PIXEL_DATA_ROWS, rows, codes.PIXELS)
        yield _number(codes.PIXEL_DATA_COLUMNS, columns, codes.PIXELS)
    spacing = best_spacing(header)
    if spacing is not None:
        yield _number(codes.HORIZONTAL_PIXEL_SPACING, spacing[1], codes.MILLIMETER)
        yield _number(codes.VERTICAL_PIXEL_SPACING, spacing[0], codes.MILLIMETER)


def _number(name: Code, value: float, unit: Code) -> Dataset:
    return number_item(_HAS_ACQ_CONTEXT, name, value, unit)
