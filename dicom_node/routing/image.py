"""What routing rules may ask of an image, read from its header and from how it came."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from dicom_node.header_reading import element_value, read_file_meta, read_header, require_uid
from dicom_node.routing.rules import RoutedImage

_TEXTS = {
    "sop_class": "SOPClassUID",
    "modality": "Modality",
    "body_part": "BodyPartExamined",
    "study_description": "StudyDescription",
    "series_description": "SeriesDescription",
    "station": "StationName",
    "institution": "InstitutionName",
    "department": "InstitutionalDepartmentName",
    "patient_id": "PatientID",
}
ROUTING_KEYWORDS = (*_TEXTS.values(), "PatientAge", "PatientBirthDate", "StudyDate")

_AGE = re.compile(r"(?P<number>[0-9]{1,3})(?P<unit>[DWMY])")  # PS3.5 6.2, AS
_A_YEAR_HAS = {"D": 365, "W": 52, "M": 12, "Y": 1}


@dataclass(frozen=True)
class Origin:
    """How an image came: the association's AE titles and the caller's address; '' is unknown."""

    calling_ae_title: str = ""
    called_ae_title: str = ""
    address: str = ""


def routed_image(header: Dataset, origin: Origin) -> RoutedImage:
    """The image as rules see it; `header` holds the elements ROUTING_KEYWORDS names."""
    texts = {name: _text(header, keyword) for name, keyword in _TEXTS.items()}
    return RoutedImage(
        calling_ae_title=origin.calling_ae_title,
        called_ae_title=origin.called_ae_title,
        address=origin.address,
        patient_age_years=_age_years(header),
        **texts,
    )


def read_routed_image(path: Path, origin: Origin) -> RoutedImage:
    """The image in a DICOM file (PS3.10); NotUnderstood where it is none, OSError unread."""
    with path.open("rb") as stream:
        transfer_syntax_uid = require_uid(read_file_meta(stream), "TransferSyntaxUID")
        return routed_image(read_header(stream, transfer_syntax_uid, ROUTING_KEYWORDS), origin)


def _text(header: Dataset, keyword: str) -> str:
    value: Any = element_value(header, keyword)
    values = value if isinstance(value, MultiValue) else [value or ""]
    return "\\".join(map(str, values))


def _age_years(header: Dataset) -> int | None:
    """Completed years, as Patient's Age states, else from birth to study; None if unknown."""
    stated = _AGE.fullmatch(_text(header, "PatientAge").strip())
    if stated is not None:
        return int(stated["number"]) // _A_YEAR_HAS[stated["unit"]]
    born, examined = _date(header, "PatientBirthDate"), _date(header, "StudyDate")
    if born is None or examined is None or born > examined:
        return None
    had_no_birthday = (examined.month, examined.day) < (born.month, born.day)
    return examined.year - born.year - had_no_birthday


def _date(header: Dataset, keyword: str) -> date | None:
    try:
        return datetime.strptime(_text(header, keyword).strip(), "%Y%m%d").date()
    except ValueError:
        return None
