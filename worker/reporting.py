"""The report of a study: its findings aggregated, its objects built and kept byte for byte."""

from db.report_archive import ArchivedStudy
from db.reports import Predecessor as PredecessorRow
from db.reports import ReportImage, ReportObject, ReportOutcome, ReportSubject
from db.states import ObjectKind
from dicom_node.results.evidence import read_evidence
from dicom_node.results.finding import AlgorithmIdentity, aggregate_study
from dicom_node.results.known_header import known_header
from dicom_node.results.result_object import Predecessor, ReportIssue, ResultKind, ResultObject
from worker.destinations import ResultDestination
from worker.findings import algorithm_in_use, algorithm_of, finding_of, ledger_state
from worker.kitchen import Kitchen
from worker.result_messages import MadeMessage, make_messages
from worker.result_objects import Evidence, MadeObject, ReportMaterial, Withdrawn, make_objects


def make_report(kitchen: Kitchen, subject: ReportSubject) -> ReportOutcome:
    """Builds and keeps every object; the same subject gives the same bytes and UIDs."""
    evidence = _evidence(kitchen, subject)
    material = ReportMaterial(
        kitchen=kitchen,
        evidence=evidence,
        finding=aggregate_study([one.finding for one in evidence], _algorithm(kitchen, subject)),
        issue=_issue(kitchen, subject),
        destinations=routed(kitchen, subject),
        withdrawn=_withdrawn(subject),
    )
    objects = _keep_all(kitchen, list(make_objects(material)))
    messages = make_messages(material, subject, objects)
    return ReportOutcome(
        state=ledger_state(material.finding.state),
        probability=material.finding.probability,
        objects=(*objects, *(_keep_message(kitchen, message) for message in messages)),
        pictures_for=_pictures_for(material),
    )


def routed(kitchen: Kitchen, subject: ReportSubject) -> list[ResultDestination]:
    """The destinations that any image of the study was routed to."""
    named = [image.destinations for image in subject.images]
    return [
        destination
        for destination in kitchen.plan.destinations
        if any(names is None or destination.name in names for names in named)
    ]


def _pictures_for(material: ReportMaterial) -> dict[ObjectKind, tuple[str, ...]]:
    everyone = material.pacs()
    segmented = material.asking_for(ResultKind.SEG)
    return {ObjectKind.GSPS: everyone, ObjectKind.SC: everyone, ObjectKind.SEG: segmented}


def _evidence(kitchen: Kitchen, subject: ReportSubject) -> list[Evidence]:
    """With each image its header: read again, or what is known of it where its file was purged."""
    read = {
        image.instance_id: read_evidence(kitchen.spool, image.spool_key)
        for image in subject.images
        if not image.is_purged
    }
    sibling = next(iter(read.values()), None)
    in_use = algorithm_in_use(kitchen.card)
    return [
        Evidence(
            image,
            read.get(image.instance_id) or known_header(_known(subject.study, image), sibling),
            finding_of(image, image.analysis, in_use),
        )
        for image in subject.images
    ]


def _known(study: ArchivedStudy, image: ReportImage) -> dict[str, str | int | None]:
    """Elements of an image by keyword, as the ledger keeps them."""
    return {
        "PatientID": study.patient_id,
        "IssuerOfPatientID": study.issuer_of_patient_id,
        "PatientName": study.patient_name,
        "PatientBirthDate": study.patient_birth_date,
        "PatientSex": study.patient_sex,
        "AccessionNumber": study.accession_number,
        "StudyInstanceUID": study.study_instance_uid,
        "StudyDate": study.study_date,
        "StudyTime": study.study_time,
        "StudyDescription": study.study_description,
        "SeriesInstanceUID": image.series_instance_uid,
        "SeriesNumber": image.series_number,
        "SeriesDescription": image.series_description,
        "Modality": image.modality,
        "SOPClassUID": image.sop_class_uid,
        "SOPInstanceUID": image.sop_instance_uid,
        "InstanceNumber": image.instance_number,
        "BodyPartExamined": image.body_part,
        "ImageLaterality": image.laterality,
        "ViewPosition": image.view_position,
        "Rows": image.rows,
        "Columns": image.columns,
    }


def _withdrawn(subject: ReportSubject) -> Withdrawn | None:
    if subject.withdrawn is None:
        return None
    objects = [
        Predecessor(one.sop_class_uid, one.sop_instance_uid, one.series_instance_uid)
        for one in subject.withdrawn.objects
    ]
    return Withdrawn(objects, subject.withdrawn.reason)


def _issue(kitchen: Kitchen, subject: ReportSubject) -> ReportIssue:
    return ReportIssue(
        revision=subject.revision,
        created_at=subject.created_at.astimezone(kitchen.plan.time_zone),
        predecessors=[_predecessor(row) for row in subject.predecessors],
        serial_number=kitchen.plan.ae_title,  # two nodes are two devices
    )


def _predecessor(row: PredecessorRow) -> Predecessor:
    return Predecessor(row.sop_class_uid, row.sop_instance_uid, row.series_instance_uid)


def _algorithm(kitchen: Kitchen, subject: ReportSubject) -> AlgorithmIdentity:
    """The network that looked, the one in use before others; where none did, that too."""
    in_use = algorithm_in_use(kitchen.card)
    looked = [algorithm_of(image.analysis, in_use) for image in subject.images]
    known = [algorithm for algorithm in looked if algorithm is not None]
    return in_use if in_use in known or not known else known[-1]


def _keep_all(kitchen: Kitchen, made: list[MadeObject]) -> tuple[ReportObject, ...]:
    report = made[0].built
    return tuple(_keep(kitchen, one, report) for one in made)


def _keep(kitchen: Kitchen, made: MadeObject, report: ResultObject) -> ReportObject:
    built = made.built
    spooled = kitchen.spool.write(built.encoded)
    is_fallback = built.kind is ResultKind.SR_FALLBACK
    return ReportObject(
        kind=ObjectKind(built.kind.value),
        spool_key=spooled.key,
        sha256=spooled.sha256,
        size_bytes=spooled.size_bytes,
        destinations=made.destinations,
        sop_class_uid=built.sop_class_uid,
        sop_instance_uid=built.sop_instance_uid,
        series_instance_uid=built.series_instance_uid,
        fallback_of=report.sop_instance_uid if is_fallback else None,
        instance_id=made.instance_id,
    )


def _keep_message(kitchen: Kitchen, message: MadeMessage) -> ReportObject:
    spooled = kitchen.spool.write(message.encoded)
    return ReportObject(
        kind=message.kind,
        spool_key=spooled.key,
        sha256=spooled.sha256,
        size_bytes=spooled.size_bytes,
        destinations=message.destinations,
    )
