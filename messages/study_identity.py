"""Who and which examination a message speaks of, as the received headers have it."""

from dataclasses import dataclass

from pydicom.sr.coding import Code


@dataclass(frozen=True)
class StudyIdentity:
    """Values as DICOM writes them; an empty one is not known.

    `patient_name` is a whole PN with its component groups, dates are DA, times TM, and
    `timezone_offset` is TimezoneOffsetFromUTC, in which the study's date and time are.
    """

    study_instance_uid: str
    patient_id: str = ""
    issuer_of_patient_id: str = ""
    patient_name: str = ""
    patient_birth_date: str = ""
    patient_sex: str = ""
    accession_number: str = ""
    study_date: str = ""
    study_time: str = ""
    timezone_offset: str = ""
    study_description: str = ""
    placer_order_number: str = ""
    filler_order_number: str = ""
    procedure: Code | None = None
