"""Reading the header of a received object, whatever its sender wrote into it."""

from collections.abc import Iterable
from copy import copy

import structlog
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as ItemSequence
from pydicom.uid import UID

from dicom_node.header_reading import UNREADABLE

log = structlog.get_logger(__name__)
# Beyond this, and at infinity, what is made from it fits no element of a result.
_WIDEST_MM = 1_000_000


def copy_elements(source: Dataset, keywords: Iterable[str]) -> Dataset:
    """The named elements, decoded; one that cannot be read is left out, and the log says which."""
    copied = Dataset()
    for keyword in keywords:
        try:
            if keyword in source:
                copied.add(_copied(source[keyword]))
        except UNREADABLE as error:
            log.warning("element_unreadable", keyword=keyword, error=type(error).__name__)
    return copied


def _copied(element: DataElement) -> DataElement:
    """A copy that stands without the data set (and the character set) around the original."""
    if element.VR != "SQ":
        return copy(element)
    items = []
    for original in element.value:
        item = Dataset()
        for nested in original:
            item.add(_copied(nested))
        items.append(item)
    return DataElement(element.tag, "SQ", ItemSequence(items))


def whole_number(header: Dataset, keyword: str) -> int:
    """The number; 0 where it is absent or no single whole number."""
    value = header.get(keyword)
    return int(value) if isinstance(value, int) else 0


def is_multi_frame(header: Dataset) -> bool:
    return whole_number(header, "NumberOfFrames") > 1


def matrix_of(header: Dataset) -> tuple[int, int]:
    """Rows and columns of the stored matrix; 0 where the header does not say."""
    return whole_number(header, "Rows"), whole_number(header, "Columns")


def pixel_spacing(header: Dataset, keyword: str) -> tuple[float, float] | None:
    """Spacing of rows and of columns in mm under the keyword; None where that is not stated."""
    try:
        rows, columns = (float(value) for value in header[keyword].value)
    except UNREADABLE:
        return None
    is_usable = 0 < rows <= _WIDEST_MM and 0 < columns <= _WIDEST_MM
    return (rows, columns) if is_usable else None


def is_image(header: Dataset) -> bool:
    """Whether an SR may reference the instance as an IMAGE."""
    return "Image Storage" in UID(str(header.SOPClassUID)).name or "Rows" in header


def laterality_of(source: Dataset, stated: str | None = None) -> str | None:
    """R, L or B: as stated, else from ImageLaterality, else from the series' Laterality."""
    sides = (stated, source.get("ImageLaterality"), source.get("Laterality"))
    plain = (str(side or "").strip().upper() for side in sides)
    return next((side for side in plain if side in {"R", "L", "B"}), None)
