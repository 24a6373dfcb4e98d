"""The node's self-test in the ledger: which studies it made, and how far one of them came.

Whatever counts studies or images for people leaves these out: `not_in(self_test_studies())`.
"""

from dataclasses import dataclass

from sqlalchemy import Select, func, select, text
from sqlalchemy.orm import Session

from db.states import AnalysisState, JobKind, JobState, ObjectKind
from db.tables import (
    SELF_TEST_INSTANCE,
    Analysis,
    Consignment,
    Instance,
    Job,
    Report,
    ResultObject,
    Series,
    Study,
)

SELF_TEST_RULE = "self-test"  # the routing rule that hit each of their instances


@dataclass(frozen=True)
class WatchedFinding:
    """What is said of one of the study's images."""

    state: AnalysisState
    probability: float | None
    reason: str | None
    model_version: str


@dataclass(frozen=True)
class WatchedJob:
    """Work on the study that has not ended well, and how much of its kind is due before it."""

    kind: JobKind
    state: JobState
    attempt: int
    last_error: str | None
    ahead: int


@dataclass(frozen=True)
class WatchedStudy:
    """How far the study came; `rules` has an entry for each of its instances."""

    rules: list[str | None]
    findings: list[WatchedFinding]
    objects: list[ObjectKind]  # of its report
    destinations: list[str]  # to whom they go: nobody
    jobs: list[WatchedJob]
    blocked_reason: str | None


def self_test_studies() -> Select[int]:
    """The ids of the self-test's studies, by an index of theirs alone."""
    mine = select(Series.study_id).join(Instance, Instance.series_id == Series.id)
    return mine.where(text(SELF_TEST_INSTANCE))


def self_test_instances() -> Select[int]:
    return select(Instance.id).where(text(SELF_TEST_INSTANCE))


def watched_study(session: Session, study_instance_uid: str) -> WatchedStudy | None:
    """None as long as the ledger has nothing of it."""
    study = session.execute(
        select(Study.id, Study.blocked_reason).where(Study.study_instance_uid == study_instance_uid)
    ).one_or_none()
    if study is None:
        return None
    instances = _instances(session, study.id)
    return WatchedStudy(
        rules=list(instances.values()),
        findings=_findings(session, list(instances)),
        objects=_objects(session, study.id),
        destinations=_destinations(session, study.id),
        jobs=[
            *_jobs(session, JobKind.ANALYSE, list(instances)),
            *_jobs(session, JobKind.REPORT, [study.id]),
        ],
        blocked_reason=study.blocked_reason,
    )


def _instances(session: Session, study_id: int) -> dict[int, str | None]:
    asked = (
        select(Instance.id, Instance.rule)
        .join(Series, Series.id == Instance.series_id)
        .where(Series.study_id == study_id)
        .order_by(Instance.id)
    )
    return {row.id: row.rule for row in session.execute(asked)}


def _findings(session: Session, instance_ids: list[int]) -> list[WatchedFinding]:
    asked = (
        select(Analysis.state, Analysis.probability, Analysis.reason, Analysis.model_version)
        .where(Analysis.instance_id.in_(instance_ids))
        .order_by(Analysis.id)
    )
    return [WatchedFinding(*row) for row in session.execute(asked)]


def _objects(session: Session, study_id: int) -> list[ObjectKind]:
    asked = (
        select(ResultObject.kind)
        .join(Report, Report.id == ResultObject.report_id)
        .where(Report.study_id == study_id)
    )
    return list(session.scalars(asked))


def _destinations(session: Session, study_id: int) -> list[str]:
    asked = (
        select(Consignment.destination)
        .join(Report, Report.id == Consignment.report_id)
        .where(Report.study_id == study_id)
        .order_by(Consignment.destination)
    )
    return list(session.scalars(asked))


def _jobs(session: Session, kind: JobKind, subject_ids: list[int]) -> list[WatchedJob]:
    asked = select(Job).where(
        Job.kind == kind, Job.subject_id.in_(subject_ids), Job.state != JobState.DONE
    )
    return [
        WatchedJob(job.kind, job.state, job.attempt, job.last_error, _count_ahead(session, job))
        for job in session.scalars(asked)
    ]


def _count_ahead(session: Session, job: Job) -> int:
    waiting = select(func.count()).where(
        Job.kind == job.kind, Job.state == JobState.WAITING, Job.id < job.id
    )
    return session.scalar(waiting) or 0
