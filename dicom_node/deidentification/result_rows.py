"""Rows of results without the people in them, fitting to the images that were exported."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from dicom_node.deidentification.kept_elements import KEPT
from dicom_node.deidentification.pseudonyms import Pseudonyms

_UIDS = ("study_instance_uid", "series_instance_uid", "sop_instance_uid")
# What leads back: the hospital's numbers and names, the digest of a file, a day without its hour.
_LEFT_EMPTY = ("accession_number", "study_date", "file", "source_ae_title", "rule")
# A device may have written anything there.
_CHECKED = {
    "modality": KEPT["Modality"],
    "body_part": KEPT["BodyPartExamined"],
    "laterality": KEPT["ImageLaterality"],
    "view_position": KEPT["ViewPosition"],
}


def without_identity(
    rows: Iterable[Mapping[str, Any]], pseudonyms: Pseudonyms, issuers: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    """The rows of `result_image`, as they come; `issuers` of Patient IDs by study, where stated."""
    for row in rows:
        study = row["study_instance_uid"]
        patient = (str(row["patient_id"] or "").strip(), issuers.get(study, "").strip())
        yield _cleaned(row, pseudonyms, patient if patient[0] else ("", study))


def _cleaned(
    row: Mapping[str, Any], pseudonyms: Pseudonyms, patient: tuple[str, str]
) -> dict[str, Any]:
    shift = pseudonyms.shift(*patient)
    cleaned = {
        name: value + shift if isinstance(value, datetime) else value for name, value in row.items()
    }
    cleaned |= dict.fromkeys(set(_LEFT_EMPTY) & set(row))
    cleaned |= {name: pseudonyms.uid(row[name]) for name in _UIDS if row[name]}
    cleaned |= {name: check(row[name]) or "" for name, check in _CHECKED.items()}
    return cleaned | {"patient_id": pseudonyms.patient(*patient)}
