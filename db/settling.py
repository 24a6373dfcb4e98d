"""Which studies are complete, as far as one can tell, and so get their report written."""

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql.elements import ColumnElement

from db.clock import database_now
from db.jobs import OPEN, JobKind, add_job
from db.tables import Analysis, Association, Instance, Job, Series, Study

SETTLED_AT_ONCE = 200  # keeps the transaction short after an outage; the next call takes more


def settle_studies(session: Session, *, quiet_seconds: float, max_wait_seconds: float) -> list[int]:
    """Ask for a report on each study that has become quiet and is analysed; their ids.

    A report that was given up is not asked for again before there is new evidence.
    """
    settled = (
        select(Study)
        .where(
            Study.unreported_since.is_not(None),
            Study.blocked_reason.is_(None),
            Study.evidence_version > Study.settled_evidence_version,
            or_(_is_quiet(quiet_seconds), _waited_enough(max_wait_seconds)),
            ~_has_open_job(JobKind.REPORT, Study.id),
            ~exists().where(_is_in_study(), _lacks_analysis()),
        )
        .order_by(Study.unreported_since)
        .limit(SETTLED_AT_ONCE)
        .with_for_update(key_share=True, skip_locked=True)
    )
    studies = list(session.scalars(settled))
    for study in studies:
        study.settled_evidence_version = study.evidence_version
        add_job(session, JobKind.REPORT, study.id, priority=study.priority)
    return [study.id for study in studies]


def _is_quiet(quiet_seconds: float) -> ColumnElement[bool]:
    still_arriving = exists().where(
        _is_in_study(),
        Association.id == Instance.association_id,
        Association.closed_at.is_(None),
    )
    return and_(Study.last_instance_at <= database_now(-quiet_seconds), ~still_arriving)


def _waited_enough(max_wait_seconds: float) -> ColumnElement[bool]:
    return Study.unreported_since <= database_now(-max_wait_seconds)


def _is_in_study() -> ColumnElement[bool]:
    return and_(Series.study_id == Study.id, Instance.series_id == Series.id)


def _lacks_analysis() -> ColumnElement[bool]:
    analysed = exists().where(Analysis.instance_id == Instance.id)
    return and_(
        Instance.quarantine_reason.is_(None),
        or_(~analysed, _has_open_job(JobKind.ANALYSE, Instance.id)),
    )


def _has_open_job(kind: JobKind, subject_id: InstrumentedAttribute[int]) -> ColumnElement[bool]:
    return exists().where(Job.kind == kind, Job.subject_id == subject_id, Job.state.in_(OPEN))
