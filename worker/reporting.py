"""The report of a study: its findings aggregated, its objects built and kept byte for byte."""

from dataclasses import dataclass

from pydicom.dataset import Dataset

from db.reports import Predecessor as PredecessorRow
from db.reports import ReportImage, ReportObject, ReportOutcome, ReportSubject
from db.states import AnalysisState, ObjectKind
from dicom_node.results.evidence import read_evidence
from dicom_node.results.finding import (
    AlgorithmIdentity,
    FindingState,
    ImageFinding,
    aggregate_study,
)
from dicom_node.results.result_object import Predecessor, ReportIssue, ResultKind, ResultObject
from dicom_node.results.secondary_capture import build_secondary_capture
from dicom_node.results.structured_report import build_reports
from worker.destinations import ResultDestination
from worker.findings import decode_png, finding_of
from worker.kitchen import Kitchen


@dataclass(frozen=True)
class MadeObject:
    """An object as built, and the image it shows where it shows one."""

    built: ResultObject
    instance_id: int | None = None


@dataclass(frozen=True)
class Evidence:
    """An image of the study, its header read again, and what is said of it."""

    image: ReportImage
    header: Dataset
    finding: ImageFinding


def make_report(kitchen: Kitchen, subject: ReportSubject) -> ReportOutcome:
    """Builds and keeps every object; the same subject gives the same bytes and UIDs."""
    evidence = [_evidence(kitchen, image) for image in subject.images]
    finding = aggregate_study([one.finding for one in evidence], _algorithm(kitchen, subject))
    issue = _issue(kitchen, subject)
    reports = build_reports([one.header for one in evidence], finding, issue)
    made = [MadeObject(built) for built in reports]
    made += [
        MadeObject(_capture(kitchen, one, finding.algorithm, issue), one.image.instance_id)
        for one in evidence
        if one.image.analysis.annotated_key and not one.image.is_reported
    ]
    destinations = tuple(one.name for one in routed(kitchen, subject))
    return ReportOutcome(
        state=_ledger_state(finding.state),
        probability=finding.probability,
        objects=tuple(_keep(kitchen, one, made[0].built, destinations) for one in made),
    )


def routed(kitchen: Kitchen, subject: ReportSubject) -> list[ResultDestination]:
    """The destinations that any image of the study was routed to."""
    named = [image.destinations for image in subject.images]
    return [
        destination
        for destination in kitchen.plan.destinations
        if any(names is None or destination.name in names for names in named)
    ]


def _evidence(kitchen: Kitchen, image: ReportImage) -> Evidence:
    header = read_evidence(kitchen.spool, image.spool_key)
    return Evidence(image, header, finding_of(image, image.analysis))


def _capture(
    kitchen: Kitchen, evidence: Evidence, algorithm: AlgorithmIdentity, issue: ReportIssue
) -> ResultObject:
    with kitchen.spool.open(evidence.image.analysis.annotated_key or "") as stream:
        annotated = decode_png(stream)
    return build_secondary_capture(evidence.header, annotated, evidence.finding, algorithm, issue)


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
    """The network that looked; where none did, the one that would have."""
    card = kitchen.card
    points = {
        "specific": card.operating_points.specific.probability,
        "sensitive": card.operating_points.sensitive.probability,
    }
    looked = [image.analysis for image in subject.images if image.analysis.model_version]
    if not looked or looked[-1].model_version == card.version:
        return AlgorithmIdentity(card.name, card.version, points)
    return AlgorithmIdentity(looked[-1].model_name, looked[-1].model_version)


def _keep(
    kitchen: Kitchen, made: MadeObject, report: ResultObject, destinations: tuple[str, ...]
) -> ReportObject:
    built = made.built
    spooled = kitchen.spool.write(built.encoded)
    is_fallback = built.kind is ResultKind.SR_FALLBACK
    return ReportObject(
        kind=ObjectKind(built.kind.value),
        sop_class_uid=built.sop_class_uid,
        sop_instance_uid=built.sop_instance_uid,
        series_instance_uid=built.series_instance_uid,
        spool_key=spooled.key,
        sha256=spooled.sha256,
        size_bytes=spooled.size_bytes,
        destinations=destinations,
        fallback_of=report.sop_instance_uid if is_fallback else None,
        instance_id=made.instance_id,
    )


def _ledger_state(state: FindingState) -> AnalysisState:
    if state is FindingState.NOT_ASSESSABLE:
        return AnalysisState.NOT_ANALYSED
    return AnalysisState(state.value)
