"""Work to be done, and the processes of the node that do it."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from db.clock import database_now
from db.states import JobKind, JobState
from db.tables.base import Base, partial_index, words

OPEN_JOB = "state IN ('waiting', 'running')"
RUNNING_JOB = "state = 'running'"
DEAD_JOB = "state = 'dead'"


class Job(Base):
    __tablename__ = "job"
    __table_args__ = (
        partial_index(
            "uq_job_open_kind_subject_id", "kind", "subject_id", where=OPEN_JOB, unique=True
        ),
        partial_index(
            "ix_job_due", "kind", text("priority DESC"), "next_attempt_at", "id", where=OPEN_JOB
        ),
        partial_index("ix_job_oldest", "kind", "next_attempt_at", "id", where=OPEN_JOB),
        partial_index(
            "ix_job_lane",
            "kind",
            "lane",
            text("priority DESC"),
            "next_attempt_at",
            "id",
            where=OPEN_JOB,
        ),
        partial_index(
            "ix_job_lane_oldest", "kind", "lane", "next_attempt_at", "id", where=OPEN_JOB
        ),
        partial_index("ix_job_running", "kind", "lane", where=RUNNING_JOB),
        partial_index("ix_job_offered", "kind", "offered_until", where="offered_until IS NOT NULL"),
        partial_index("ix_job_dead", "kind", "id", where=DEAD_JOB),
        Index(None, "kind", "subject_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[JobKind] = mapped_column(words(JobKind, "kind"))
    subject_id: Mapped[int]
    # The destination it speaks to, so that one that is down holds up no other.
    lane: Mapped[str | None]
    state: Mapped[JobState] = mapped_column(words(JobState, "state"), default=JobState.WAITING)
    priority: Mapped[int] = mapped_column(default=0)
    attempt: Mapped[int] = mapped_column(default=0)
    fence_token: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[datetime | None]
    offered_until: Mapped[datetime | None]
    next_attempt_at: Mapped[datetime] = mapped_column(default=database_now())
    last_error: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=database_now())
    first_claimed_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class JobAttempt(Base):
    """How an attempt at sending or confirming ended; a trigger writes it, whoever ends it."""

    __tablename__ = "job_attempt"

    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"), index=True)
    attempt: Mapped[int]
    state: Mapped[str]  # of the job from then on: waiting, done or dead
    error: Mapped[str | None]  # what it met; none where it is done
    ended_at: Mapped[datetime]


class Presence(Base):
    """A running process of the node, as it last said of itself."""

    __tablename__ = "presence"
    __table_args__ = (UniqueConstraint("part", "host", "process_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    part: Mapped[str]  # listener, worker, beat, web, gateway
    host: Mapped[str]
    process_id: Mapped[int]
    queues: Mapped[list[str]] = mapped_column(default=list)  # of a worker
    device: Mapped[str | None]  # where its classifier runs, once it has been loaded
    model_version: Mapped[str | None]
    started_at: Mapped[datetime] = mapped_column(default=database_now())
    seen_at: Mapped[datetime] = mapped_column(default=database_now())
