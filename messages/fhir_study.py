"""The examination as a FHIR ImagingStudy: its source images, and the objects the node added."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from pydicom.uid import (
    BasicTextSRStorage,
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    EncapsulatedPDFStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    KeyObjectSelectionDocumentStorage,
    SegmentationStorage,
)

from db.report_archive import ArchivedImage, ArchivedObject, ArchivedStudy
from dicom_node.results import codes
from messages.fhir_patient import contained_patient, subject
from messages.fhir_source import FhirSite, FhirSource
from messages.fhir_values import (
    CODE_SYSTEMS,
    URI,
    Element,
    coding,
    dicom_identifier,
    hl7_concept,
    instant,
    narrative,
    oid,
    study_moment,
)

_UNKNOWN_MODALITY = "OT"
_RESULT_MODALITIES = {
    ComprehensiveSRStorage: "SR",
    Comprehensive3DSRStorage: "SR",
    BasicTextSRStorage: "SR",
    GrayscaleSoftcopyPresentationStateStorage: "PR",
    EncapsulatedPDFStorage: "DOC",
    KeyObjectSelectionDocumentStorage: "KO",
    SegmentationStorage: "SEG",
}


@dataclass(frozen=True)
class _Part:
    """An instance of the study and the series it is in."""

    series_instance_uid: str
    modality: str
    sop_class_uid: str
    sop_instance_uid: str
    series_number: int | None = None
    series_description: str = ""
    instance_number: int | None = None
    title: str = ""


def imaging_study(source: FhirSource) -> Element:
    report, site = source.report, source.site
    study = report.study
    parts = [*map(_of_image, report.images), *map(_of_object, report.objects)]
    series = [_series(list(members)) for members in _by_series(parts)]
    return {
        "resourceType": "ImagingStudy",
        "id": source.study_id,
        "meta": meta(source),
        "language": "en",
        "text": narrative(f"Study of {len(report.images)} images, examined by software"),
        "contained": [contained_patient(study, site)],
        "identifier": [dicom_identifier(study.study_instance_uid), accession(study, site)],
        "status": "available",
        "modality": [_modality(name) for name in dict.fromkeys(p.modality for p in parts)],
        "subject": subject(study, site),
        "started": study_moment(study.study_date, study.study_time, site.time_zone),
        "basedOn": based_on(study, site),
        "numberOfSeries": len(series),
        "numberOfInstances": len(parts),
        "description": study.study_description,
        "series": series,
    }


def meta(source: FhirSource) -> Element:
    """Of one revision, until `versioned` tells one content from another."""
    changed_at = source.report.changed_at
    return {
        "versionId": str(source.report.revision),
        "lastUpdated": None if changed_at is None else instant(changed_at, source.site.time_zone),
    }


def accession(study: ArchivedStudy, site: FhirSite) -> Element | None:
    if not study.accession_number.strip():
        return None
    return {
        "type": hl7_concept("v2-0203", "ACSN", "Accession ID"),
        "system": site.accession_number_system,
        "value": study.accession_number,
    }


def based_on(study: ArchivedStudy, site: FhirSite) -> list[Element] | None:
    """The order, known to the node by its accession number alone."""
    number = accession(study, site)
    return None if number is None else [{"type": "ServiceRequest", "identifier": number}]


def _of_image(image: ArchivedImage) -> _Part:
    return _Part(
        image.series_instance_uid,
        image.modality.strip() or _UNKNOWN_MODALITY,
        image.sop_class_uid,
        image.sop_instance_uid,
        image.series_number,
        image.series_description,
        image.instance_number,
    )


def _of_object(made: ArchivedObject) -> _Part:
    return _Part(
        made.series_instance_uid,
        _RESULT_MODALITIES.get(made.sop_class_uid, _UNKNOWN_MODALITY),
        made.sop_class_uid,
        made.sop_instance_uid,
        series_description="Result of software, not verified",
        title=f"Revision {made.revision}",
    )


def _by_series(parts: Sequence[_Part]) -> Iterable[Iterable[_Part]]:
    """The series in the order of their first instances."""
    uids = list(dict.fromkeys(part.series_instance_uid for part in parts))
    ordered = sorted(parts, key=lambda part: uids.index(part.series_instance_uid))
    return (members for _, members in groupby(ordered, key=lambda part: part.series_instance_uid))


def _series(parts: list[_Part]) -> Element:
    first = parts[0]
    return {
        "uid": first.series_instance_uid,
        "number": _unsigned(first.series_number),
        "modality": _modality(first.modality),
        "description": first.series_description,
        "numberOfInstances": len(parts),
        "instance": [_instance(part) for part in parts],
    }


def _instance(part: _Part) -> Element:
    return {
        "uid": part.sop_instance_uid,
        "sopClass": {"system": URI, "code": oid(part.sop_class_uid)},
        "number": _unsigned(part.instance_number),
        "title": part.title,
    }


def _unsigned(number: int | None) -> int | None:
    """DICOM's IS may be negative or longer than FHIR's unsignedInt."""
    return number if number is not None and 0 <= number < 1 << 31 else None


def _modality(name: str) -> Element:
    known = codes.MODALITIES.get(name)
    return {"system": CODE_SYSTEMS["DCM"], "code": name} if known is None else coding(known)
