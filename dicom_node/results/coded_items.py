"""Codes as items of a sequence, and back."""

from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from dicom_node.results.codes import PRIVATE_SCHEME, PRIVATE_SCHEME_NAME
from dicom_node.uids import derive_uid


def coded_item(code: Code) -> Dataset:
    """A basic coded entry, PS3.3 8.8."""
    item = Dataset()
    item.CodeValue = code.value
    item.CodingSchemeDesignator = code.scheme_designator
    if code.scheme_version:
        item.CodingSchemeVersion = code.scheme_version
    item.CodeMeaning = code.meaning
    return item


def read_code(item: Dataset) -> Code | None:
    """The code of an item as received; None where a mandatory part is missing or too long."""
    value = str(item.get("CodeValue") or "")
    scheme = str(item.get("CodingSchemeDesignator") or "")
    meaning = str(item.get("CodeMeaning") or "")
    if not (0 < len(value) <= 16 and 0 < len(scheme) <= 16 and 0 < len(meaning) <= 64):
        return None
    return Code(value, scheme, meaning, str(item.get("CodingSchemeVersion") or "") or None)


def private_scheme_item() -> Dataset:
    """What our private scheme is, for CodingSchemeIdentificationSequence (PS3.3 C.12.1.1.1)."""
    item = Dataset()
    item.CodingSchemeDesignator = PRIVATE_SCHEME
    item.CodingSchemeUID = derive_uid("coding scheme")
    item.CodingSchemeName = PRIVATE_SCHEME_NAME
    item.CodingSchemeResponsibleOrganization = "Osteon project"
    return item
