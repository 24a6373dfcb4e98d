"""The PID segment (HL7 v2.5.1, 3.4.2): a DICOM patient as HL7 has it."""

from dicom_node.results.patient_study import legal_date
from messages.er7 import components, escape
from messages.segments import Fields
from messages.study_identity import StudyIdentity

# Table 0465, in the order of a PN's component groups (PS3.5 6.2.1.2).
_REPRESENTATIONS = ("A", "I", "P")
_LEGAL_NAME = "L"  # table 0200
# Table 0203: DICOM does not say of what kind a Patient ID is.
_INTERNAL_IDENTIFIER = "PI"
# 3.4.2.5: how to say that the name is not known.
_NAME_UNKNOWN = "^^^^^^U"
_SEXES = {"M", "F", "O"}  # the same letters in table 0001


def patient_fields(study: StudyIdentity) -> Fields | None:
    """None without a Patient ID: PID-3 is required, and a name alone identifies nobody."""
    if not escape(study.patient_id):
        return None
    sex = study.patient_sex.strip().upper()
    return {
        1: "1",
        3: _identifier(study),
        5: person_names(study.patient_name) or [_NAME_UNKNOWN],
        7: legal_date(study.patient_birth_date.strip()),
        8: sex if sex in _SEXES else "",
    }


def _identifier(study: StudyIdentity) -> str:
    return components(study.patient_id, "", "", study.issuer_of_patient_id, _INTERNAL_IDENTIFIER)


def person_names(person_name: str) -> list[str]:
    """One XPN for each component group of a PN that says something."""
    groups = zip(person_name.split("="), _REPRESENTATIONS, strict=False)
    return [_name(group, letter) for group, letter in groups if group.strip("^ ")]


def _name(group: str, representation: str) -> str:
    """PN has the prefix before the suffix, XPN after it."""
    parts = [part.strip() for part in group.split("^")]
    family, given, middle, prefix, suffix = (parts + [""] * 5)[:5]
    return components(family, given, middle, suffix, prefix, "", _LEGAL_NAME, representation)
