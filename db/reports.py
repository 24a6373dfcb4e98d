"""What a report is written about, and the report itself with its objects and deliveries."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from db.analyses import AnalysisRecord, as_record
from db.deliveries import queue_consignments
from db.destinations import register_destination
from db.earlier_pictures import pictures_owed
from db.jobs import Claim, finish_job, hold
from db.report_archive import ArchivedStudy, as_archived_study
from db.states import AnalysisState, ObjectKind
from db.studies import lock_study
from db.superseding import supersede_study
from db.tables import Analysis, Instance, Job, Report, ResultObject, Series, Study
from db.withdrawal import WithdrawnResults, mark_taken_back, withdrawn_results


@dataclass(frozen=True)
class ReportImage:
    """One image of the study with what was found on it, or why nothing was looked for."""

    instance_id: int
    sop_instance_uid: str
    sop_class_uid: str
    series_instance_uid: str
    series_number: int | None
    series_description: str
    modality: str
    instance_number: int | None
    spool_key: str
    body_part: str
    laterality: str
    view_position: str
    rows: int | None
    columns: int | None
    analysis: AnalysisRecord
    is_reported: bool  # in an earlier revision, by this very analysis
    is_purged: bool = False  # its file is gone: what the ledger knows of it has to do
    destinations: tuple[str, ...] | None = None  # as routed; None: all


@dataclass(frozen=True)
class Predecessor:
    """An object of the revision that this report replaces."""

    kind: ObjectKind
    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str


@dataclass(frozen=True)
class ReportSubject:
    """A study as it stood when its report was opened.

    `revision` and `created_at` are the same however often the job is run until it is saved, so
    that a re-run writes the same bytes. `evidence_version` tells what the report has seen.
    """

    study_id: int
    study: ArchivedStudy
    revision: int
    created_at: datetime
    evidence_version: int
    images: tuple[ReportImage, ...]
    predecessors: tuple[Predecessor, ...]
    withdrawn: WithdrawnResults | None = None

    @property
    def study_instance_uid(self) -> str:
        return self.study.study_instance_uid


@dataclass(frozen=True)
class ReportObject:
    """An encoded object in the spool; a fallback names the object it stands in for.

    `destinations` are those that may get it. An HL7 message or FHIR bundle has no UIDs.
    """

    kind: ObjectKind
    spool_key: str
    sha256: str
    size_bytes: int
    destinations: tuple[str, ...] = ()
    sop_class_uid: str | None = None
    sop_instance_uid: str | None = None
    series_instance_uid: str | None = None
    fallback_of: str | None = None  # SOP Instance UID
    instance_id: int | None = None  # the image it shows


@dataclass(frozen=True)
class ReportOutcome:
    """`pictures_for`: the destinations that get pictures of each kind, earlier ones included."""

    state: AnalysisState
    probability: float | None
    objects: tuple[ReportObject, ...]
    pictures_for: Mapping[ObjectKind, tuple[str, ...]] = field(default_factory=dict)


def open_report(session: Session, claim: Claim) -> ReportSubject:
    """All that the report is about; images that arrived since without analysis come later."""
    study = lock_study(session, claim.subject_id)
    hold(session, claim)
    latest = _latest_report(session, study.id)
    return ReportSubject(
        study_id=study.id,
        study=as_archived_study(study),
        revision=1 if latest is None else latest.revision + 1,
        created_at=_first_claimed_at(session, claim),
        evidence_version=study.evidence_version,
        images=_load_images(session, study.id, latest),
        predecessors=() if latest is None else _load_predecessors(session, latest.id),
        withdrawn=withdrawn_results(session, study.id),
    )


def save_report(
    session: Session, claim: Claim, subject: ReportSubject, outcome: ReportOutcome
) -> int:
    """Save the report, queue its objects for every destination, finish the job; the report's id.

    The study counts as reported only if there is no evidence the report has not seen.
    """
    study = lock_study(session, claim.subject_id)
    hold(session, claim)
    report = Report(
        study_id=study.id,
        revision=subject.revision,
        evidence_version=subject.evidence_version,
        state=outcome.state,
        probability=outcome.probability,
        created_at=subject.created_at,
    )
    session.add(report)
    session.flush()
    object_ids = _save_objects(session, report.id, outcome.objects)
    owed = pictures_owed(session, study.id, outcome.pictures_for)
    for destination, made in object_ids.items():
        made.extend(one for one in owed.get(destination, ()) if one not in made)
        register_destination(session, destination)
    queue_consignments(session, report.id, object_ids, priority=study.priority)
    supersede_study(session, study.id)
    if subject.withdrawn is not None:
        mark_taken_back(session, report.id, subject.withdrawn)
    _note_reported(study, subject.evidence_version)
    finish_job(session, claim)
    return report.id


def _note_reported(study: Study, seen_evidence_version: int) -> None:
    is_all = study.evidence_version == seen_evidence_version
    study.unreported_since = None if is_all else study.last_instance_at


def _latest_report(session: Session, study_id: int) -> Report | None:
    reports = select(Report).where(Report.study_id == study_id).order_by(Report.revision.desc())
    return session.scalars(reports.limit(1)).one_or_none()


def _first_claimed_at(session: Session, claim: Claim) -> datetime:
    moment = session.scalars(select(Job.first_claimed_at).where(Job.id == claim.job_id)).one()
    if moment is None:
        raise ValueError(f"job {claim.job_id} was never claimed")
    return moment


def _load_images(
    session: Session, study_id: int, reported: Report | None
) -> tuple[ReportImage, ...]:
    seen_version = 0 if reported is None else reported.evidence_version
    any_analysis = aliased(Analysis)
    latest = select(func.max(any_analysis.id)).where(any_analysis.instance_id == Instance.id)
    images = (
        select(Instance, Series, Analysis)
        .join(Series, Series.id == Instance.series_id)
        .join(Analysis, Analysis.id == latest.scalar_subquery())
        .where(Series.study_id == study_id, Instance.is_image, Instance.quarantine_reason.is_(None))
        .order_by(Series.series_number, Series.id, Instance.instance_number, Instance.id)
    )
    return tuple(_report_image(seen_version, *row) for row in session.execute(images))


def _report_image(
    seen_version: int, instance: Instance, series: Series, analysis: Analysis
) -> ReportImage:
    return ReportImage(
        instance_id=instance.id,
        sop_instance_uid=instance.sop_instance_uid,
        sop_class_uid=instance.sop_class_uid,
        series_instance_uid=series.series_instance_uid,
        series_number=series.series_number,
        series_description=series.series_description,
        modality=series.modality,
        instance_number=instance.instance_number,
        spool_key=instance.spool_key,
        body_part=instance.body_part,
        laterality=instance.laterality,
        view_position=instance.view_position,
        rows=instance.rows,
        columns=instance.columns,
        analysis=as_record(analysis),
        is_reported=analysis.evidence_version <= seen_version,
        is_purged=instance.purged_at is not None,
        destinations=None if instance.destinations is None else tuple(instance.destinations),
    )


def _load_predecessors(session: Session, report_id: int) -> tuple[Predecessor, ...]:
    objects = (
        select(
            ResultObject.kind,
            ResultObject.sop_class_uid,
            ResultObject.sop_instance_uid,
            ResultObject.series_instance_uid,
        )
        .where(
            ResultObject.report_id == report_id,
            ResultObject.kind.in_([ObjectKind.SR, ObjectKind.SR_FALLBACK]),
        )
        .order_by(ResultObject.id)
    )
    rows = session.execute(objects)
    return tuple(Predecessor(kind, *(uid or "" for uid in uids)) for kind, *uids in rows)


def _save_objects(
    session: Session, report_id: int, objects: tuple[ReportObject, ...]
) -> dict[str, list[int]]:
    """The ids of the primary objects, those that are no other's fallback, by destination."""
    primaries = [item for item in objects if item.fallback_of is None]
    rows = [_row(report_id, item, None) for item in primaries]
    session.add_all(rows)
    session.flush()
    ids = {row.sop_instance_uid: row.id for row in rows if row.sop_instance_uid}
    session.add_all(
        _row(report_id, item, ids[item.fallback_of])
        for item in objects
        if item.fallback_of is not None
    )
    by_destination: dict[str, list[int]] = {}
    for item, row in zip(primaries, rows, strict=True):
        for destination in item.destinations:
            by_destination.setdefault(destination, []).append(row.id)
    return by_destination


def _row(report_id: int, item: ReportObject, fallback_of_id: int | None) -> ResultObject:
    return ResultObject(
        report_id=report_id,
        instance_id=item.instance_id,
        fallback_of_id=fallback_of_id,
        kind=item.kind,
        sop_class_uid=item.sop_class_uid,
        sop_instance_uid=item.sop_instance_uid,
        series_instance_uid=item.series_instance_uid,
        spool_key=item.spool_key,
        sha256=item.sha256,
        size_bytes=item.size_bytes,
    )
