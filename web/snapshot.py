"""What the page shows, read from the ledger at one moment and in bounded queries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock

from sqlalchemy import Engine

from db.destinations import DestinationState, destination_states
from db.job_list import count_jobs
from db.jobs import JobKind, JobState
from db.overview import (
    DeadJobs,
    StudyOutline,
    count_studies,
    dead_jobs_by_reason,
    image_reasons,
    newest_studies,
)
from db.session import LedgerUnavailable, open_ledger, reading
from db.upgrade import ledger_revision, newest_revision

STUDIES_SHOWN = 50
_DEAD_REASONS_SHOWN = 10


@dataclass(frozen=True)
class ShownStudy:
    """A study and each reason known for what is missing or wrong about it."""

    outline: StudyOutline
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Snapshot:
    taken_at: datetime
    studies: list[ShownStudy]
    study_count: int
    jobs: dict[JobKind, dict[JobState, int]]
    dead: list[DeadJobs]
    destinations: Sequence[DestinationState]

    @property
    def dead_count(self) -> int:
        return sum(states[JobState.DEAD] for states in self.jobs.values())


class LedgerSight:
    """The ledger as the window looks at it: opened when it first answers, and only read."""

    def __init__(self, ledger_url: str) -> None:
        self._ledger_url = ledger_url
        self._engine: Engine | None = None
        self._opening = Lock()

    def look(self) -> Snapshot:
        """Raises LedgerUnavailable, or LedgerUnsafe where a person has to mend it."""
        with reading(self._open()) as session:
            outlines = newest_studies(session, limit=STUDIES_SHOWN)
            uids = [outline.study_instance_uid for outline in outlines]
            reasons = image_reasons(session, uids)
            return Snapshot(
                taken_at=datetime.now(UTC),
                studies=[_shown(one, reasons.get(one.study_instance_uid, [])) for one in outlines],
                study_count=count_studies(session),
                jobs=count_jobs(session),
                dead=dead_jobs_by_reason(session, limit=_DEAD_REASONS_SHOWN),
                destinations=destination_states(session),
            )

    def check(self) -> None:
        """Returns if the ledger answers a question about its own rows; raises as `look` does."""
        with reading(self._open()) as session:
            newest_studies(session, limit=1)

    def close(self) -> None:
        if self._engine is not None:
            self._engine.dispose()

    def _open(self) -> Engine:
        with self._opening:
            if self._engine is None:
                self._engine = _open_current(self._ledger_url)
            return self._engine


def _open_current(ledger_url: str) -> Engine:
    engine = open_ledger(ledger_url)
    found = ledger_revision(engine)
    if found != newest_revision():
        engine.dispose()
        raise LedgerUnavailable(f"its schema is {found or 'empty'}: run `osteon db upgrade`")
    return engine


def _shown(outline: StudyOutline, image_reasons: list[str]) -> ShownStudy:
    reasons = [outline.reason, *image_reasons]
    return ShownStudy(outline, tuple(dict.fromkeys(text for text in reasons if text)))
