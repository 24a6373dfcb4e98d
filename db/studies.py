"""The study as a whole: locked before it changes, its evidence counted, its work stopped."""

from sqlalchemy import Select, and_, or_, select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from db.clock import database_now
from db.states import JobKind, JobState
from db.tables import Consignment, Instance, Job, Report, Series, Study


def lock_study(session: Session, study_id: int) -> Study:
    """The study, its row locked: whoever changes a study's work locks it first, then the job."""
    return session.get_one(
        Study, study_id, with_for_update={"key_share": True}, populate_existing=True
    )


def lock_studies_of(session: Session, instance_ids: Select[int]) -> None:
    """The studies that hold the instances, locked before the jobs on them, in one order for all."""
    held = select(Series.study_id).join(Instance, Instance.series_id == Series.id)
    asked = select(Study.id).where(Study.id.in_(held.where(Instance.id.in_(instance_ids))))
    session.execute(asked.order_by(Study.id).with_for_update(key_share=True)).all()


def add_evidence(study: Study) -> None:
    """Note on the locked study that there is more to report than before."""
    study.evidence_version += 1
    if study.unreported_since is None:
        study.unreported_since = database_now()


def block_study(session: Session, study: Study, reason: str) -> None:
    """Stop all work on the locked study, which may mix two patients, until a person has looked."""
    study.blocked_reason = reason
    session.flush()
    still_open = Job.state.in_([JobState.WAITING, JobState.RUNNING])
    session.execute(
        update(Job)
        .where(still_open, job_concerns(Study.id == study.id))
        .values(state=JobState.DEAD, last_error=reason, finished_at=database_now())
        .execution_options(synchronize_session=False)
    )


def concerns_blocked_study() -> ColumnElement[bool]:
    """Whether a job belongs to a blocked study, as a condition on `Job`."""
    return job_concerns(Study.blocked_reason.is_not(None))


def instances_of(condition: ColumnElement[bool]) -> Select[int]:
    """The ids of all instances of the studies that meet the condition."""
    return (
        select(Instance.id)
        .join(Series, Series.id == Instance.series_id)
        .join(Study)
        .where(condition)
    )


def job_concerns(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether `Job` is about a study that meets the condition."""
    subjects = {
        JobKind.ANALYSE: instances_of(condition),
        JobKind.REPORT: select(Study.id).where(condition),
        JobKind.DELIVER: consignments_of(condition),
        JobKind.CONFIRM: consignments_of(condition),
    }
    return or_(*(and_(Job.kind == kind, Job.subject_id.in_(ids)) for kind, ids in subjects.items()))


def consignments_of(condition: ColumnElement[bool]) -> Select[int]:
    return (
        select(Consignment.id)
        .join(Report, Report.id == Consignment.report_id)
        .join(Study, Study.id == Report.study_id)
        .where(condition)
    )


def issuers_of_patient_ids(session: Session) -> dict[str, str]:
    """Who issued the Patient ID, by Study Instance UID; only where that is stated."""
    asked = select(Study.study_instance_uid, Study.issuer_of_patient_id)
    return dict(session.execute(asked.where(Study.issuer_of_patient_id != "")).tuples().all())
