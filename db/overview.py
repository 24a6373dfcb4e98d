"""What a person who watches the node sees at a glance: what is stuck, and why."""

from dataclasses import dataclass

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from db.states import JobKind
from db.tables import DEAD_JOB, Job


@dataclass(frozen=True)
class DeadJobs:
    """So many jobs of a kind were given up for the same reason."""

    kind: JobKind
    reason: str | None
    jobs: int
    oldest_job_id: int  # stands for all of them: see `dead_jobs_like`


def dead_jobs_by_reason(session: Session, *, limit: int) -> list[DeadJobs]:
    """Why jobs were given up, the most frequent reason first."""
    jobs = func.count().label("jobs")
    asked = (
        select(Job.kind, Job.last_error, jobs, func.min(Job.id))
        .where(text(DEAD_JOB))
        .group_by(Job.kind, Job.last_error)
        .order_by(jobs.desc(), Job.kind, Job.last_error)
        .limit(limit)
    )
    return [DeadJobs(*row) for row in session.execute(asked)]
