"""Which DICOM file is whose, without keeping any patient's ID."""

from hashlib import sha256
from pathlib import Path

from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError

from model.datasets.tree import PICTURES, files_below
from model.dicom_pixels import UNDECODABLE

_NOT_DICOM = (".csv", ".txt", ".md", ".json", ".xml", ".zip", *PICTURES)
_TAGS = ["SOPInstanceUID", "PatientID", "StudyInstanceUID"]


def files_by_uid(folder: Path) -> dict[str, Path]:
    """Every DICOM file below the folder by its SOP Instance UID; of two alike the first."""
    places: dict[str, Path] = {}
    for path in files_below(folder):
        header = None if path.name.lower().endswith(_NOT_DICOM) else _header(path)
        uid = "" if header is None else str(header.get("SOPInstanceUID", ""))
        if uid:
            places.setdefault(uid, path)
    return places


def _header(path: Path) -> Dataset | None:
    try:
        return dcmread(path, stop_before_pixels=True, specific_tags=list(_TAGS))
    except (InvalidDicomError, *UNDECODABLE):
        return None


class Owners:
    """Numbers the owners of images in the order they are met; knows them by digests only."""

    def __init__(self) -> None:
        self._numbers: dict[bytes, int] = {}

    def group_of(self, path: Path, told: str) -> str:
        """The number of the owner that a table tells, else of the one the file names."""
        owner = told or _owner_in(path) or str(path)
        digest = sha256(owner.encode()).digest()
        return str(self._numbers.setdefault(digest, len(self._numbers) + 1))


def _owner_in(path: Path) -> str:
    header = None if path.name.lower().endswith(_NOT_DICOM) else _header(path)
    if header is None:
        return ""
    return str(header.get("PatientID") or header.get("StudyInstanceUID") or "")
