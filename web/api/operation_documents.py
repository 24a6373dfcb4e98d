"""What the API says of how the node runs."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from db.states import JobKind, JobState


class _Read(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class JobDocument(_Read):
    """A piece of work."""

    job_id: int = Field(description="its number; `POST /jobs/{job_id}/requeue` takes it")
    kind: JobKind = Field(description="what is to be done")
    subject: str | None = Field(description="of what: a UID, or a destination and a UID")
    state: JobState = Field(description="`dead`: given up, and only a person starts it anew")
    priority: int = Field(description="by the routing rules; 0 is usual")
    attempt: int = Field(description="how often it was begun")
    last_error: str | None = Field(description="what the last attempt met; null: nothing")
    created_at: datetime = Field(description="UTC")
    next_attempt_at: datetime = Field(description="UTC")
    lease_until: datetime | None = Field(description="held by a worker until then, UTC")
    finished_at: datetime | None = Field(description="UTC; null: it is open")


class JobList(BaseModel):
    """A page of jobs."""

    items: list[JobDocument] = Field(description="the oldest first")
    next: str | None = Field(description="where the next page is; null: this is the last one")


class Requeued(BaseModel):
    """A job that was given a new start."""

    job_id: int = Field(description="its number")


class ProcessDocument(_Read):
    """A process of the node, as it last said of itself."""

    part: str = Field(description="listener, worker, beat, web or gateway")
    host: str
    process_id: int
    queues: list[str] = Field(description="of a worker: what it works on")
    device: str | None = Field(description="where its network runs; null: not loaded")
    model_version: str | None = Field(description="null: not loaded")
    started_at: datetime = Field(description="UTC")
    seen_at: datetime = Field(description="UTC")
    is_silent: bool = Field(description="it said nothing for a minute")


class DestinationDocument(_Read):
    """How a destination fares."""

    name: str = Field(description="in the settings")
    state: str = Field(description="`up`, `failing` or `down`")
    waiting: int = Field(description="deliveries that wait for it")
    failures: int = Field(description="in a row")
    last_error: str | None = Field(description="null: none yet")
    rests_until: datetime | None = Field(description="nothing is sent until then, UTC")
    failed_at: datetime | None = Field(description="UTC; null: never")
    answered_at: datetime | None = Field(description="UTC; null: never")


class StatusDocument(BaseModel):
    """Queues, processes and destinations, as they are now."""

    version: str = Field(description="of Osteon")
    jobs: dict[JobKind, dict[JobState, int]] = Field(description="how many, by kind and state")
    processes: list[ProcessDocument]
    destinations: list[DestinationDocument]


class ParameterProblem(BaseModel):
    """What is wrong with a parameter; what was sent is not repeated."""

    where: str = Field(description="such as `query.limit`")
    message: str


class Problem(BaseModel):
    """Why there is no other answer (RFC 9457)."""

    type: str = Field(description="about:blank")
    title: str = Field(description="the status in words")
    status: int
    detail: str = Field(description="what to do next")
    errors: list[ParameterProblem] = Field(default=[], description="parameter by parameter")
