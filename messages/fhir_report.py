"""The report of a study as a FHIR DiagnosticReport: preliminary, for nobody verified it."""

from base64 import b64encode

from pydicom.sr.coding import Code

from db.report_archive import ArchivedObject
from db.states import ObjectKind
from dicom_node.results import codes
from dicom_node.results.finding import FindingState, StudyFinding
from dicom_node.results.report_wording import STATE_WORDS, conclude
from messages.fhir_patient import contained_patient, subject
from messages.fhir_source import FhirSource, PresentedForm
from messages.fhir_study import based_on, meta
from messages.fhir_values import (
    Element,
    answer_status,
    concept,
    dicom_identifier,
    hl7_concept,
    instant,
    narrative,
    study_moment,
)

# CID 6047, by the state: where all images were analysed, where only some were.
_SUMMARIES = {
    FindingState.FRACTURE: (codes.ALL_WITH_FINDINGS, codes.SOME_WITH_FINDINGS),
    FindingState.POSSIBLE: (codes.ALL_WITH_FINDINGS, codes.SOME_WITH_FINDINGS),
    FindingState.NONE: (codes.ALL_WITHOUT_FINDINGS, codes.SOME_WITHOUT_FINDINGS),
    FindingState.NOT_ASSESSABLE: (codes.NONE_SUCCEEDED, codes.NONE_SUCCEEDED),
}


def diagnostic_report(source: FhirSource) -> Element:
    report, site = source.report, source.site
    study = report.study
    conclusion = _conclusion(source)
    return {
        "resourceType": "DiagnosticReport",
        "id": source.study_id,
        "meta": meta(source),
        "language": "en",
        "text": narrative(conclusion),
        "contained": [contained_patient(study, site)],
        "identifier": [
            dicom_identifier(made.sop_instance_uid)
            for made in report.objects
            if _is_its_document(made, report.revision)
        ],
        "basedOn": based_on(study, site),
        "status": answer_status(source.withdrawn),
        "category": [hl7_concept("v2-0074", "RAD", "Radiology")],
        "code": concept(codes.RADIOGRAPHY, "Radiograph, search for fractures by software"),
        "subject": subject(study, site),
        "effectiveDateTime": study_moment(study.study_date, study.study_time, site.time_zone),
        "issued": instant(report.created_at, site.time_zone),
        "result": [{"reference": f"Observation/{name}"} for name in _result_ids(source)],
        "imagingStudy": [{"reference": f"ImagingStudy/{source.study_id}"}],
        "conclusion": conclusion,
        "conclusionCode": [] if source.withdrawn else _conclusion_codes(source.finding),
        "presentedForm": [_attachment(form, source) for form in source.forms],
    }


def _conclusion(source: FhirSource) -> str:
    """R4 has no other place for why a report was withdrawn."""
    if source.withdrawn is not None:
        return f"This report does not count any more: {source.withdrawn}"
    finding = source.finding
    behind = [one.label for one in source.labelled_images if one.finding in finding.images_behind]
    return conclude(finding, behind)


def _is_its_document(made: ArchivedObject, revision: int) -> bool:
    return made.kind is ObjectKind.SR and made.revision == revision


def _result_ids(source: FhirSource) -> list[str]:
    images = [source.image_id(one.finding.sop_instance_uid) for one in source.labelled_images]
    return [source.study_id, *images]


def _conclusion_codes(finding: StudyFinding) -> list[Element]:
    """How the search ended; the fracture itself only where one is said to be present."""
    outcome = concept(_summary(finding), STATE_WORDS[finding.state])
    found = [concept(codes.FRACTURE)] if finding.state is FindingState.FRACTURE else []
    return [outcome, *found]


def _summary(finding: StudyFinding) -> Code:
    of_all, of_some = _SUMMARIES[finding.state]
    return of_all if finding.analysed_count == len(finding.images) else of_some


def _attachment(form: PresentedForm, source: FhirSource) -> Element:
    return {
        "contentType": form.content_type,
        "language": "en",
        "data": b64encode(form.content).decode(),
        "size": len(form.content),
        "title": form.title,
        "creation": instant(source.report.created_at, source.site.time_zone),
    }
