"""The header of an image whose file was purged, as far as the ledger and its study remember it."""

from collections.abc import Mapping

from pydicom import config
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from dicom_node.received_header import copy_elements
from dicom_node.results.character_set import UTF_8
from dicom_node.results.patient_study import PATIENT_AND_STUDY


def known_header(elements: Mapping[str, str | int | None], sibling: Dataset | None) -> Dataset:
    """The elements by keyword, without those that are empty.

    `sibling`: the header of an image of the same study that is still here. What the ledger does not
    keep of patient and study is taken from it: it is the same for all images of a study.
    """
    header = Dataset()
    header.SpecificCharacterSet = UTF_8
    for keyword, value in elements.items():
        if value is not None and value != "":
            header.add(_as_received(keyword, value))
    if sibling is not None:
        missing = [keyword for keyword in PATIENT_AND_STUDY if keyword not in header]
        header.update(copy_elements(sibling, missing))
    return header


def _as_received(keyword: str, value: str | int) -> DataElement:
    """Whatever the sender wrote: a warning about it would quote it."""
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise ValueError(f"{keyword} is no keyword of an element")
    return DataElement(tag, dictionary_VR(tag), value, validation_mode=config.IGNORE)
