"""The patient and study of a received image, copied for the results that belong to it."""

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone

from pydicom.dataset import Dataset

from dicom_node.received_header import copy_elements

# PS3.3 C.7.1.1 Patient, C.7.2.1 General Study, C.7.2.2 Patient Study, C.12.1 SOP Common: what
# says who and which examination. Comments and histories stay in the source image.
PATIENT_AND_STUDY = (
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "IssuerOfPatientIDQualifiersSequence",
    "TypeOfPatientID",
    "OtherPatientIDsSequence",
    "OtherPatientNames",
    "PatientBirthDate",
    "PatientSex",
    "PatientAge",
    "PatientSpeciesDescription",
    "PatientSpeciesCodeSequence",
    "PatientBreedDescription",
    "PatientBreedCodeSequence",
    "BreedRegistrationSequence",
    "ResponsiblePerson",
    "ResponsiblePersonRole",
    "ResponsibleOrganization",
    "PatientIdentityRemoved",
    "DeidentificationMethod",
    "DeidentificationMethodCodeSequence",
    "StudyInstanceUID",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "StudyDescription",
    "AccessionNumber",
    "IssuerOfAccessionNumberSequence",
    "ReferringPhysicianName",
    "ReferencedStudySequence",
    "ProcedureCodeSequence",
    "AdmissionID",
    "IssuerOfAdmissionIDSequence",
    "ClinicalTrialSponsorName",
    "ClinicalTrialProtocolID",
    "ClinicalTrialProtocolName",
    "ClinicalTrialSiteID",
    "ClinicalTrialSiteName",
    "ClinicalTrialSubjectID",
    "ClinicalTrialSubjectReadingID",
    "TimezoneOffsetFromUTC",
)
# Type 2 attributes: real senders omit them, a result may not.
_TYPE_2 = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "AccessionNumber",
    "ReferringPhysicianName",
)
_TIME = re.compile(r"([01]\d|2[0-3])([0-5]\d([0-5]\d(\.\d{1,6})?)?)?")
_AGE = re.compile(r"\d{3}[DWMY]")
_OFFSET = re.compile(r"([+-])(0\d|1[0-4])([0-5]\d)")


def copy_patient_and_study(source: Dataset) -> Dataset:
    """The patient and study modules of the source, Type 2 attributes present, values legal."""
    copied = copy_elements(source, PATIENT_AND_STUDY)
    for keyword in _TYPE_2:
        if keyword not in copied:
            setattr(copied, keyword, None)
    for keyword, legal_form in _LEGAL_FORMS.items():
        if keyword in copied:
            _replace(copied, keyword, legal_form(str(copied[keyword].value or "").strip()))
    return copied


def _replace(dataset: Dataset, keyword: str, value: str) -> None:
    """Put the legal form in; an optional attribute without one goes."""
    if value or keyword in _TYPE_2:
        setattr(dataset, keyword, value)
    else:
        del dataset[keyword]


def legal_date(text: str) -> str:
    """YYYYMMDD, also from the ACR-NEMA form 1970.01.01; empty where it is no date."""
    digits = text.replace(".", "").replace("-", "")
    if len(digits) != 8:
        return ""
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:])).strftime("%Y%m%d")
    except ValueError:
        return ""


def legal_time(text: str) -> str:
    """HHMMSS.FFFFFF, also from 10:15:00; empty where it is no time."""
    digits = text.replace(":", "")
    return digits if _TIME.fullmatch(digits) else ""


def _legal_sex(text: str) -> str:
    return text.upper() if text.upper() in {"M", "F", "O"} else ""


def _legal_age(text: str) -> str:
    return text if _AGE.fullmatch(text) else ""


def _legal_offset(text: str) -> str:
    return text if _OFFSET.fullmatch(text) else ""


_LEGAL_FORMS: dict[str, Callable[[str], str]] = {
    "PatientBirthDate": legal_date,
    "PatientSex": _legal_sex,
    "PatientAge": _legal_age,
    "StudyDate": legal_date,
    "StudyTime": legal_time,
    "TimezoneOffsetFromUTC": _legal_offset,
}


def in_source_zone(moment: datetime, patient_study: Dataset) -> datetime:
    """The moment in the zone that all dates and times of the data set are in (C.12.1.1.8)."""
    parts = _OFFSET.fullmatch(str(patient_study.get("TimezoneOffsetFromUTC") or ""))
    if parts is None:
        return moment
    offset = timedelta(hours=int(parts[2]), minutes=int(parts[3]))
    return moment.astimezone(timezone(-offset if parts[1] == "-" else offset))
