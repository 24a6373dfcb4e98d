"""The elements that FHIR resources are made of: codes, identifiers, moments, narrative."""

import unicodedata
from datetime import datetime, tzinfo
from html import escape
from typing import Any

from pydicom.sr.coding import Code

from dicom_node.results.coded_items import private_scheme_item
from dicom_node.results.codes import PRIVATE_SCHEME
from dicom_node.results.patient_study import legal_date, legal_time

Element = dict[str, Any]

# https://hl7.org/fhir/R4/terminologies-systems.html
CODE_SYSTEMS = {
    "SCT": "http://snomed.info/sct",
    "DCM": "http://dicom.nema.org/resources/ontology/DCM",
    "LN": "http://loinc.org",
    "UCUM": "http://unitsofmeasure.org",
    "RADLEX": "http://radlex.org",
    PRIVATE_SCHEME: f"urn:oid:{private_scheme_item().CodingSchemeUID}",
}
# What PS3.16 calls a LOINC code is not the name LOINC itself gives it.
_NAMED_OTHERWISE = {"LN"}
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
DICOM_UID = "urn:dicom:uid"
URI = "urn:ietf:rfc:3986"
_LINE_BREAKS = "\r\n\t"


def coding(code: Code) -> Element:
    system = code.scheme_designator
    display = None if system in _NAMED_OTHERWISE else code.meaning
    return {"system": CODE_SYSTEMS[system], "code": code.value, "display": display}


def concept(code: Code, text: str | None = None) -> Element:
    return {"coding": [coding(code)], "text": text}


def hl7_concept(code_system: str, code: str, display: str, text: str | None = None) -> Element:
    """A concept of one of HL7's own code systems."""
    system = f"{TERMINOLOGY}/{code_system}"
    return {"coding": [{"system": system, "code": code, "display": display}], "text": text}


def percentage(probability: float) -> Element:
    """Rounded as in the SR, so that both say the same."""
    code = "%"
    value = round(100.0 * probability, 1)
    return {"value": value, "unit": "%", "system": CODE_SYSTEMS["UCUM"], "code": code}


def answer_status(withdrawn: str | None) -> str:
    """Of what a model said: nobody verified it, and `withdrawn` is why it does not count any more.

    R4 calls a resource of that status not currently valid; it says why, and no more what it said.
    """
    return "preliminary" if withdrawn is None else "entered-in-error"


def oid(uid: str) -> str:
    return f"urn:oid:{uid}"


def dicom_identifier(uid: str) -> Element:
    """A UID as ImagingStudy.identifier writes it (R4 5.4.6)."""
    return {"system": DICOM_UID, "value": oid(uid)}


def instant(moment: datetime, zone: tzinfo) -> str:
    return moment.astimezone(zone).isoformat(timespec="milliseconds")


def study_moment(study_date: str, study_time: str, zone: tzinfo) -> str | None:
    """When the study began: to the second, to the day, or unknown, as the sender says it."""
    day, clock = legal_date(study_date), legal_time(study_time)
    if len(day) != 8:
        return None
    date_only = f"{day[:4]}-{day[4:6]}-{day[6:]}"
    if len(clock) < 6:
        return date_only
    begun = datetime.strptime(day + clock[:6], "%Y%m%d%H%M%S").replace(tzinfo=zone)
    offset = begun.utcoffset()
    # Before zones were agreed on, offsets had seconds: a FHIR dateTime has no room for them.
    return date_only if offset is None or offset.seconds % 60 else begun.isoformat()


def narrative(*lines: str | None) -> Element:
    """The resource for whoever sees only text."""
    paragraphs = "".join(f"<p>{escape(clean_text(line))}</p>" for line in lines if line)
    return {
        "status": "generated",
        "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{paragraphs}</div>',
    }


def filled(element: Any) -> Any:
    """The element without its empty parts, which FHIR forbids, its texts cleaned."""
    if isinstance(element, dict):
        parts = {name: filled(part) for name, part in element.items()}
        return {name: part for name, part in parts.items() if not _is_empty(part)}
    if isinstance(element, list | tuple):
        return [part for part in map(filled, element) if not _is_empty(part)]
    return clean_text(element) if isinstance(element, str) else element


def clean_text(text: str) -> str:
    """No control characters, no blank but the plain one: FHIR strings match `[ \\r\\n\\t\\S]+`."""
    return "".join(map(_clean_character, text)).strip()


def _clean_character(character: str) -> str:
    if character in _LINE_BREAKS:
        return character
    if character.isspace():
        return " "
    return "" if unicodedata.category(character) in {"Cc", "Cs"} else character


def _is_empty(part: Any) -> bool:
    return part is None or part in ("", [], {})
