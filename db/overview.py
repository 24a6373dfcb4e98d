"""What a person who watches the node sees at a glance: the newest studies, and what is stuck."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.results import RESULT_IMAGE, RESULT_STUDY
from db.states import JobKind, JobState
from db.tables import Job, Study


@dataclass(frozen=True)
class StudyOutline:
    """A study as anyone passing by may see it: columns of `result_study`, none of the patient's."""

    study_instance_uid: str
    state: str
    finding: str | None
    probability: float | None
    images: int
    images_analysed: int
    images_not_analysed: int
    images_pending: int
    quarantined: int
    report_revision: int | None
    deliveries: int | None
    deliveries_sent: int | None
    reason: str | None
    received_at: datetime
    reported_at: datetime | None


@dataclass(frozen=True)
class DeadJobs:
    """So many jobs of a kind were given up for the same reason."""

    kind: JobKind
    reason: str | None
    jobs: int


def newest_studies(session: Session, *, limit: int) -> list[StudyOutline]:
    """The studies whose first instance came last, newest first."""
    newest = select(Study.study_instance_uid).order_by(Study.id.desc()).limit(limit)
    # Asked for one by one: a subquery or a sorted limit makes the view compute every study.
    uids = list(session.scalars(newest))
    columns = [RESULT_STUDY.c[column.name] for column in fields(StudyOutline)]
    asked = select(*columns).where(RESULT_STUDY.c.study_instance_uid.in_(uids))
    outlines = [StudyOutline(*row) for row in session.execute(asked)]
    return sorted(outlines, key=lambda outline: uids.index(outline.study_instance_uid))


def image_reasons(session: Session, study_instance_uids: Sequence[str]) -> dict[str, list[str]]:
    """Why images of these studies have no finding (yet): each reason once, by study."""
    uid, reason = RESULT_IMAGE.c.study_instance_uid, RESULT_IMAGE.c.reason
    asked = (
        select(uid, reason)
        .where(uid.in_(study_instance_uids), RESULT_IMAGE.c.is_image, reason.is_not(None))
        .distinct()
        .order_by(uid, reason)
    )
    reasons: defaultdict[str, list[str]] = defaultdict(list)
    for study_instance_uid, text in session.execute(asked):
        reasons[study_instance_uid].append(text)
    return dict(reasons)


def dead_jobs_by_reason(session: Session, *, limit: int) -> list[DeadJobs]:
    """Why jobs were given up, the most frequent reason first."""
    jobs = func.count().label("jobs")
    asked = (
        select(Job.kind, Job.last_error, jobs)
        .where(Job.state == JobState.DEAD)
        .group_by(Job.kind, Job.last_error)
        .order_by(jobs.desc(), Job.kind, Job.last_error)
        .limit(limit)
    )
    return [DeadJobs(*row) for row in session.execute(asked)]


def count_studies(session: Session) -> int:
    return session.execute(select(func.count()).select_from(Study)).scalar_one()
