"""What was found, as FHIR Observations: one of the study, one of each image.

Where a fracture lies in an image R4 has no element for: the boxes are in the SR.
"""

from pydicom.sr.coding import Code

from dicom_node.results import codes
from dicom_node.results.equipment import Equipment
from dicom_node.results.finding import FindingState, ImageFinding, StudyFinding
from dicom_node.results.report_wording import (
    NOT_VERIFIED,
    RESEARCH_USE,
    different_models,
    state_and_probability,
)
from dicom_node.uids import derive_uid
from messages.fhir_patient import contained_patient, subject
from messages.fhir_source import FhirSite, FhirSource, LabelledImage, device_id
from messages.fhir_study import based_on, meta
from messages.fhir_values import (
    Element,
    answer_status,
    concept,
    hl7_concept,
    instant,
    narrative,
    oid,
    percentage,
    study_moment,
)

# Why "possible" is Undetermined: docs/decisions/0006-possible-is-undetermined.md
_FRACTURE_VALUES = {
    FindingState.FRACTURE: codes.PRESENT,
    FindingState.POSSIBLE: codes.UNDETERMINED,
    FindingState.NONE: codes.ABSENT,
}
_UNVERIFIED = (NOT_VERIFIED, RESEARCH_USE)


def observations(source: FhirSource) -> list[Element]:
    """The study's answer first, then each image's."""
    return [_of_study(source), *(_of_image(source, one) for one in source.labelled_images)]


def _of_study(source: FhirSource) -> Element:
    label, withdrawn = "Study", source.withdrawn
    return {
        **_shared(source, source.study_id, label),
        "status": answer_status(withdrawn),
        "device": _device(source.deciding_equipment),
        "hasMember": [
            {"reference": f"Observation/{source.image_id(one.finding.sop_instance_uid)}"}
            for one in source.labelled_images
        ],
        **(_taken_back(label, withdrawn) if withdrawn else _said_of_study(source.finding)),
    }


def _said_of_study(finding: StudyFinding) -> Element:
    looked = f"{finding.analysed_count} of {len(finding.images)} images analysed"
    models = different_models(finding)
    return {
        **_answer(finding.state, looked),
        "note": _notes(looked, *models),
        "component": _certainty(codes.CERTAINTY_OF_FINDING, finding.probability),
        "text": narrative(
            state_and_probability(finding.state, finding.probability),
            looked,
            *models,
            *_UNVERIFIED,
        ),
    }


def _of_image(source: FhirSource, image: LabelledImage) -> Element:
    finding, withdrawn = image.finding, image.withdrawn
    return {
        **_shared(source, source.image_id(finding.sop_instance_uid), image.label),
        "status": answer_status(withdrawn),
        "device": _device(source.equipment_of(finding)),
        "component": [_source_image(finding)],
        **(_taken_back(image.label, withdrawn) if withdrawn else _said_of_image(image)),
    }


def _said_of_image(image: LabelledImage) -> Element:
    finding = image.finding
    reason = finding.reason or "no reason given"
    spoken = state_and_probability(finding.state, finding.probability)
    return {
        **_answer(finding.state, reason),
        "bodySite": _body_site(finding.region),
        "note": _notes(*finding.notes),
        "component": _components(finding),
        "text": narrative(
            f"{image.label}: {spoken}",
            None if finding.is_analysed else reason,
            *finding.notes,
            *_UNVERIFIED,
        ),
    }


def _taken_back(label: str, withdrawn: str) -> Element:
    """In place of what was said: who passes over the status shall not read it as an answer."""
    return {
        "dataAbsentReason": hl7_concept("data-absent-reason", "error", "Error", withdrawn),
        "note": _notes(withdrawn),
        "text": narrative(f"{label}: {withdrawn}", *_UNVERIFIED),
    }


def observation_identifier(site: FhirSite, observation_id: str) -> Element:
    """The id we gave it, for servers that give their own."""
    return {
        "system": oid(derive_uid("fhir observation", site.serial_number)),
        "value": observation_id,
    }


def _shared(source: FhirSource, observation_id: str, label: str) -> Element:
    study, site = source.report.study, source.site
    return {
        "resourceType": "Observation",
        "id": observation_id,
        "meta": meta(source),
        "language": "en",
        "contained": [contained_patient(study, site)],
        "identifier": [observation_identifier(site, observation_id)],
        "basedOn": based_on(study, site),
        "category": [hl7_concept("observation-category", "imaging", "Imaging")],
        "code": concept(codes.FRACTURE, f"Fracture: {label}"),
        "subject": subject(study, site),
        "effectiveDateTime": study_moment(study.study_date, study.study_time, site.time_zone),
        "issued": instant(source.report.created_at, site.time_zone),
        "method": concept(codes.ARTIFICIAL_INTELLIGENCE),
        "derivedFrom": [{"reference": f"ImagingStudy/{source.study_id}"}],
    }


def _device(equipment: Equipment) -> Element:
    """The network that answered."""
    algorithm = equipment.algorithm
    return {
        "reference": f"Device/{device_id(equipment)}",
        "display": f"{algorithm.name} {algorithm.version}",
    }


def _answer(state: FindingState, reason: str) -> Element:
    """Present, absent or undetermined; else why it is not known: silence would read as absent."""
    if state in _FRACTURE_VALUES:
        return {"valueCodeableConcept": concept(_FRACTURE_VALUES[state])}
    return {
        "dataAbsentReason": hl7_concept(
            "data-absent-reason", "not-performed", "Not Performed", f"Not analysed: {reason}"
        )
    }


def _notes(*texts: str) -> list[Element]:
    return [{"text": text} for text in (*texts, *_UNVERIFIED)]


def _body_site(region: str | None) -> Element | None:
    """A region without a code stays a word."""
    if region is None:
        return None
    known = codes.find_code(codes.REGIONS, region)
    return {"text": region} if known is None else concept(known)


def _components(finding: ImageFinding) -> list[Element]:
    side = codes.SIDES.get((finding.laterality or "").strip().upper())
    fracture_type = codes.find_code(codes.FRACTURE_TYPES, finding.fracture_type)
    severity = codes.find_code(codes.SEVERITIES, finding.severity)
    return [
        *_certainty(codes.CERTAINTY_OF_FINDING, finding.probability),
        _source_image(finding),
        *_coded(codes.IMAGE_LATERALITY, side),
        *_coded(codes.ASSOCIATED_MORPHOLOGY, fracture_type),
        *_certainty(
            codes.CERTAINTY_OF_FEATURE, finding.type_probability if fracture_type else None
        ),
        *_coded(codes.SEVERITY, severity),
    ]


def _source_image(finding: ImageFinding) -> Element:
    frame = "" if finding.frame is None else f", frame {finding.frame}"
    name = f"{oid(finding.sop_instance_uid)}{frame}"
    return {"code": concept(codes.SOURCE_IMAGE), "valueString": name}


def _certainty(name: Code, probability: float | None) -> list[Element]:
    if probability is None:
        return []
    return [{"code": concept(name), "valueQuantity": percentage(probability)}]


def _coded(name: Code, value: Code | None) -> list[Element]:
    if value is None:
        return []
    return [{"code": concept(name), "valueCodeableConcept": concept(value)}]
