"""What the node does at this moment, as the page shows it."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from db.destinations import DestinationState, destination_states
from db.job_list import count_jobs, oldest_open_jobs, total_jobs
from db.overview import DeadJobs, dead_jobs_by_reason
from db.presence import ListedProcess, processes
from db.standstill import LostGpu, MissingPart, gpus_of, lost_gpus, missing_parts
from db.states import JobKind, JobState
from web.operations.desk import Desk, PeerAnswer
from web.plan import NamedPeer

_MOST_REASONS = 20


@dataclass(frozen=True)
class Queue:
    """The jobs of a kind: how many in each state, and since when the oldest open one waits."""

    kind: JobKind
    waiting: int
    running: int
    dead: int
    done: int
    oldest_at: datetime | None


@dataclass(frozen=True)
class Neighbour:
    """A peer or destination: how it fares, and what it said when it was asked from here.

    `number` None: it is no longer in the settings, so nobody can ask it.
    """

    name: str
    address: str
    number: int | None
    state: DestinationState | None
    answer: PeerAnswer | None
    is_destination: bool


@dataclass(frozen=True)
class Present:
    """All of it, read in one transaction."""

    queues: list[Queue]
    dead: list[DeadJobs]
    present: list[ListedProcess]
    silent: list[ListedProcess]
    missing: list[MissingPart]
    lost_gpus: list[LostGpu]
    neighbours: list[Neighbour] = field(default_factory=list)


def read_present(session: Session, peers: tuple[NamedPeer, ...], desk: Desk) -> Present:
    listed = processes(session)
    known = desk.gpus | gpus_of(listed)
    desk.gpus = known
    return Present(
        queues=_queues(session, desk),
        dead=dead_jobs_by_reason(session, limit=_MOST_REASONS),
        present=[one for one in listed if not one.is_silent],
        silent=[one for one in listed if one.is_silent],
        missing=missing_parts(listed),
        lost_gpus=lost_gpus(listed, known),
        neighbours=_neighbours(session, peers, desk),
    )


def _queues(session: Session, desk: Desk) -> list[Queue]:
    # Of years of jobs only the new ones are counted each time.
    desk.totals = total_jobs(session, desk.totals)
    counts, oldest = count_jobs(session, desk.totals), oldest_open_jobs(session)
    return [
        Queue(
            kind,
            counts[kind][JobState.WAITING],
            counts[kind][JobState.RUNNING],
            counts[kind][JobState.DEAD],
            counts[kind][JobState.DONE],
            oldest.get(kind),
        )
        for kind in JobKind
    ]


def _neighbours(session: Session, peers: tuple[NamedPeer, ...], desk: Desk) -> list[Neighbour]:
    states = {state.name: state for state in destination_states(session)}
    named = [
        Neighbour(
            peer.name,
            peer.address,
            number,
            states.pop(peer.name, None) if peer.is_destination else None,
            desk.answers.get(peer.name),
            peer.is_destination,
        )
        for number, peer in enumerate(peers)
    ]
    gone = [
        Neighbour(name, "", None, state, None, is_destination=True)
        for name, state in states.items()
    ]
    return [*named, *gone]
