"""Data sets in the DICOM JSON Model (PS3.18 F), whatever their values are."""

from collections.abc import Callable
from typing import Any

import structlog
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from dicom_node.header_reading import UNREADABLE

log = structlog.get_logger(__name__)

_INLINE_MAX_BYTES = 1024


def to_dicom_json(
    dataset: Dataset, bulk_data_url: Callable[[DataElement], str] | None = None
) -> dict[str, Any]:
    """What cannot be said in JSON is left out: text in a number's place makes nothing fail."""
    elements = {}
    for tag in sorted(dataset.keys()):
        try:
            elements[f"{tag:08X}"] = dataset[tag].to_json_dict(bulk_data_url, _INLINE_MAX_BYTES)
        except UNREADABLE as error:
            log.warning("element_unreadable", tag=f"{tag:08X}", error=type(error).__name__)
    return elements
