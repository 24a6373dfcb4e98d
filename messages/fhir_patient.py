"""The patient as FHIR names one: by identifier, and contained with names to check it against.

An identifier is what a receiver can match with its own patient, so the subject carries it. Alone it
would hide a mix-up: the names, sex and birth date it belongs to travel along, contained, because
the node is no register of patients and makes no Patient on anybody's server.
"""

from datetime import tzinfo

from db.report_archive import ArchivedStudy
from dicom_node.results.patient_study import legal_date
from messages.fhir_source import FhirSite
from messages.fhir_values import Element, hl7_concept, study_moment

CONTAINED_ID = "patient"
# PS3.5 6.2: the component groups of a Person Name. HL7 v3 knows the second and third by these
# codes; the first is alphabetic by rule only, so nothing is claimed of it.
_REPRESENTATIONS = (None, "IDE", "SYL")
_REPRESENTATION_URL = "http://hl7.org/fhir/StructureDefinition/iso21090-EN-representation"
_GENDERS = {"M": "male", "F": "female", "O": "other"}


def subject(study: ArchivedStudy, site: FhirSite) -> Element:
    return {
        "reference": f"#{CONTAINED_ID}",
        "type": "Patient",
        "identifier": patient_identifier(study, site),
    }


def contained_patient(study: ArchivedStudy, site: FhirSite) -> Element:
    return {
        "resourceType": "Patient",
        "id": CONTAINED_ID,
        "identifier": [patient_identifier(study, site)],
        "name": human_names(study.patient_name),
        "gender": _GENDERS.get(study.patient_sex.strip().upper()),
        "birthDate": _birth_date(study.patient_birth_date, site.time_zone),
    }


def patient_identifier(study: ArchivedStudy, site: FhirSite) -> Element | None:
    if not study.patient_id.strip():
        return None
    return {
        "use": "usual",
        "type": hl7_concept("v2-0203", "MR", "Medical record number"),
        "system": site.patient_id_system,
        "value": study.patient_id,
        "assigner": {"display": study.issuer_of_patient_id},
    }


def human_names(person_name: str) -> list[Element]:
    """One HumanName for each component group that is not empty."""
    groups = zip(person_name.split("="), _REPRESENTATIONS, strict=False)
    return [_human_name(group, code) for group, code in groups if group.strip("^ ")]


def _human_name(group: str, representation: str | None) -> Element:
    family, given, middle, prefix, suffix = ([*group.split("^"), "", "", "", "", ""])[:5]
    extension = {"url": _REPRESENTATION_URL, "valueCode": representation}
    parts = [prefix, given, middle]
    if representation is None:
        text = ", ".join(part for part in (family, _spoken(parts), suffix) if part.strip())
    else:
        text = _spoken([family, *parts, suffix])
    return {
        "extension": [extension] if representation else None,
        "text": text,
        "family": family,
        "given": [given, middle],
        "prefix": [prefix],
        "suffix": [suffix],
    }


def _spoken(parts: list[str]) -> str:
    return " ".join(part.strip() for part in parts if part.strip())


def _birth_date(text: str, zone: tzinfo) -> str | None:
    return study_moment(legal_date(text), "", zone)
