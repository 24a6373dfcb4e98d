"""Every row of a study goes, in the order in which they lean on each other; its files leave."""

from collections.abc import Iterable

from sqlalchemy import ColumnElement, Select, cast, delete, or_, select, update
from sqlalchemy.orm import Session
from sqlalchemy.types import Text

from db.audit import record_deletion
from db.holds import require_unheld
from db.leaving_files import note_leaving
from db.states import JobKind
from db.studies import job_concerns, lock_study
from db.tables import (
    Analysis,
    CommitmentRequest,
    Consignment,
    Delivery,
    Instance,
    Job,
    JobAttempt,
    LegalHold,
    PeerRequest,
    Report,
    ResultObject,
    Series,
    ShadowAnalysis,
    Study,
    Verdict,
    WorklistEntry,
    WorklistStale,
)
from db.tables.base import Base


def remove_study(session: Session, study_id: int, *, why: str, actor: str) -> int:
    """Remove the study from the ledger; how many files are on their way out with it. StudyHeld.

    The audit trail keeps its Study Instance UID. A worker that still holds a job of it can write
    nothing more: the job is gone.
    """
    study = lock_study(session, study_id)
    require_unheld(session, study)
    instances = select(Instance.id).join(Series, Series.id == Instance.series_id)
    instances = instances.where(Series.study_id == study_id)
    reports = select(Report.id).where(Report.study_id == study_id)
    keys = _keys(session, instances, reports)
    note_leaving(session, keys)
    _remove_jobs(session, study_id)
    _answer_no_more(session, instances)
    _remove_sent(session, reports)
    _remove_found(session, study_id, instances, reports)
    for table in (Series, LegalHold, WorklistEntry, WorklistStale):
        _remove(session, table, table.study_id == study_id)
    uid = study.study_instance_uid
    _remove(session, Study, Study.id == study_id)
    session.expunge(study)
    record_deletion(session, uid, actor=actor, reason=why)
    return len(keys)


def remove_instance_kept_apart(session: Session, instance_id: int) -> int:
    """Remove an object that nothing was made of; its file leaves. StudyHeld."""
    of_it = select(Series.study_id).join(Instance, Instance.series_id == Series.id)
    study_id = session.scalars(of_it.where(Instance.id == instance_id)).one_or_none()
    if study_id is None:  # its whole study went meanwhile
        return 0
    require_unheld(session, lock_study(session, study_id))
    keys = session.scalars(select(Instance.spool_key).where(Instance.id == instance_id)).all()
    note_leaving(session, keys)
    for table in (Analysis, ShadowAnalysis, Verdict):
        _remove(session, table, table.instance_id == instance_id)
    _remove(session, Instance, Instance.id == instance_id)
    return len(keys)


def _keys(session: Session, instances: Select[int], reports: Select[int]) -> set[str]:
    of_instances = Analysis.instance_id.in_(instances)
    asked = (
        select(Instance.spool_key).where(Instance.id.in_(instances)),
        select(ResultObject.spool_key).where(ResultObject.report_id.in_(reports)),
        select(Analysis.heatmap_key).where(of_instances),
        select(Analysis.annotated_key).where(of_instances),
    )
    found: Iterable[str | None] = (key for one in asked for key in session.scalars(one))
    return {key for key in found if key is not None}


def _remove_jobs(session: Session, study_id: int) -> None:
    jobs = list(session.scalars(select(Job.id).where(job_concerns(Study.id == study_id))))
    _remove(session, JobAttempt, JobAttempt.job_id.in_(jobs))
    _remove(session, Job, Job.id.in_(jobs))


def _answer_no_more(session: Session, instances: Select[int]) -> None:
    """A peer's question names its objects; what is left of it is answered, if anything is."""
    uids = set(session.scalars(select(Instance.sop_instance_uid).where(Instance.id.in_(instances))))
    for uid in sorted(uids):
        names_it = cast(PeerRequest.references, Text).contains(f'"{uid}"', autoescape=True)
        for request in session.scalars(select(PeerRequest).where(names_it)):
            left = [one for one in request.references if one["instance"] not in uids]
            if left:
                request.references = left
                session.flush()
                continue
            asked = select(Job.id).where(Job.kind == JobKind.ANSWER, Job.subject_id == request.id)
            jobs = list(session.scalars(asked))
            _remove(session, JobAttempt, JobAttempt.job_id.in_(jobs))
            _remove(session, Job, Job.id.in_(jobs))
            session.delete(request)
            session.flush()


def _remove_sent(session: Session, reports: Select[int]) -> None:
    consignments = select(Consignment.id).where(Consignment.report_id.in_(reports))
    objects = select(ResultObject.id).where(ResultObject.report_id.in_(reports))
    # Pictures that an earlier revision made may be in a later one's consignment.
    is_its = or_(Delivery.consignment_id.in_(consignments), Delivery.object_id.in_(objects))
    _remove(session, Delivery, is_its)
    _remove(session, CommitmentRequest, CommitmentRequest.consignment_id.in_(consignments))
    _remove(session, Consignment, Consignment.report_id.in_(reports))


def _remove_found(
    session: Session, study_id: int, instances: Select[int], reports: Select[int]
) -> None:
    loose = update(ResultObject).where(ResultObject.report_id.in_(reports))
    session.execute(
        loose.values(fallback_of_id=None, taken_back_in_id=None).execution_options(
            synchronize_session=False
        )
    )
    _remove(session, ResultObject, ResultObject.report_id.in_(reports))
    _remove(session, Verdict, Verdict.study_id == study_id)
    _remove(session, Report, Report.study_id == study_id)
    _remove(session, Analysis, Analysis.instance_id.in_(instances))
    _remove(session, ShadowAnalysis, ShadowAnalysis.instance_id.in_(instances))
    _remove(session, Instance, Instance.id.in_(instances))


def _remove(session: Session, table: type[Base], condition: ColumnElement[bool]) -> None:
    gone = delete(table).where(condition)
    session.execute(gone.execution_options(synchronize_session=False))
