"""The same report in the hospital's other languages: an HL7 v2 message, a FHIR transaction."""

from collections.abc import Iterator
from dataclasses import dataclass

from pydicom.dataset import Dataset

from db.report_archive import ArchivedImage, ArchivedObject, ArchivedReport, archived_objects
from db.reports import ReportImage, ReportObject, ReportSubject
from db.session import reading
from db.states import ObjectKind
from dicom_node.results.report_content import reported_procedures
from dicom_node.results.report_references import fulfilled_requests
from messages.fhir_source import FhirSource, PresentedForm
from messages.oru import OruIssue, build_oru
from messages.study_identity import StudyIdentity
from worker.destinations import FhirServer, Hl7Receiver
from worker.findings import ledger_state
from worker.result_objects import ReportMaterial

_PDF = "application/pdf"


@dataclass(frozen=True)
class MadeMessage:
    kind: ObjectKind
    encoded: bytes
    destinations: tuple[str, ...]


def make_messages(
    material: ReportMaterial, subject: ReportSubject, objects: tuple[ReportObject, ...]
) -> Iterator[MadeMessage]:
    """One HL7 message for each receiver, which it names; FHIR bundles with and without the PDF."""
    for destination in material.destinations:
        if isinstance(destination, Hl7Receiver):
            yield MadeMessage(
                ObjectKind.ORU, _oru(material, subject, destination), (destination.name,)
            )
        elif isinstance(destination, FhirServer):
            bundle = _bundle(material, subject, objects, with_pdf=destination.with_pdf)
            yield MadeMessage(ObjectKind.FHIR, bundle, (destination.name,))


def _oru(material: ReportMaterial, subject: ReportSubject, receiver: Hl7Receiver) -> bytes:
    issue = OruIssue(
        revision=subject.revision,
        created_at=material.issue.created_at,
        ae_title=material.issue.serial_number,
        receiving_application=receiver.receiving_application,
        receiving_facility=receiver.receiving_facility,
        pdf=material.pdf_document if receiver.with_pdf else None,
    )
    identity = _identity(subject, material.headers)
    return build_oru(identity, material.finding, issue).encoded


def _bundle(
    material: ReportMaterial,
    subject: ReportSubject,
    objects: tuple[ReportObject, ...],
    *,
    with_pdf: bool,
) -> bytes:
    with reading(material.kitchen.ledger) as session:
        earlier = archived_objects(session, subject.study_id)
    ours = [_archived_object(subject, one) for one in objects if not one.fallback_of]
    report = ArchivedReport(
        study_id=subject.study_id,
        study=subject.study,
        revision=subject.revision,
        state=ledger_state(material.finding.state),
        probability=material.finding.probability,
        created_at=material.issue.created_at,
        reported_at=None,
        images=tuple(_archived(image) for image in subject.images),
        objects=(*earlier, *ours),
    )
    form = PresentedForm(_PDF, material.pdf_document, "Fracture report") if with_pdf else None
    forms = (form,) if form else ()
    source = FhirSource(report, material.finding, material.kitchen.plan.fhir_site, forms)
    # Here, since few nodes have a FHIR server: its resources are a tenth of a worker's start.
    from messages.fhir_resources import make_transaction

    return make_transaction(source)


def _identity(subject: ReportSubject, headers: list[Dataset]) -> StudyIdentity:
    study, first = subject.study, headers[0]
    request = next(iter(fulfilled_requests(headers)))
    return StudyIdentity(
        study_instance_uid=study.study_instance_uid,
        patient_id=study.patient_id,
        issuer_of_patient_id=study.issuer_of_patient_id,
        patient_name=study.patient_name,
        patient_birth_date=study.patient_birth_date,
        patient_sex=study.patient_sex,
        accession_number=study.accession_number,
        study_date=study.study_date,
        study_time=study.study_time,
        timezone_offset=str(first.get("TimezoneOffsetFromUTC") or ""),
        study_description=study.study_description,
        placer_order_number=str(request.PlacerOrderNumberImagingServiceRequest or ""),
        filler_order_number=str(request.FillerOrderNumberImagingServiceRequest or ""),
        procedure=reported_procedures(headers)[0],
    )


def _archived(image: ReportImage) -> ArchivedImage:
    return ArchivedImage(
        sop_instance_uid=image.sop_instance_uid,
        sop_class_uid=image.sop_class_uid,
        instance_number=image.instance_number,
        series_instance_uid=image.series_instance_uid,
        series_number=image.series_number,
        series_description=image.series_description,
        modality=image.modality,
        body_part=image.body_part,
        laterality=image.laterality,
        analysis=image.analysis,
    )


def _archived_object(subject: ReportSubject, made: ReportObject) -> ArchivedObject:
    return ArchivedObject(
        revision=subject.revision,
        kind=made.kind,
        sop_class_uid=made.sop_class_uid or "",
        sop_instance_uid=made.sop_instance_uid or "",
        series_instance_uid=made.series_instance_uid or "",
    )
