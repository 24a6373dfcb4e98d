"""What the study's page says beyond the ledger's rows: its clock, and what a revision changed."""

from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from db.study_view import RevisionView, StudyView
from web.words import N_


@dataclass(frozen=True)
class Stage:
    """A stage, when it was reached and how long after receipt; None: not yet."""

    name: str
    reached_at: datetime | None
    seconds: float | None


@dataclass(frozen=True)
class Change:
    """What a revision says other than the one before it."""

    finding_before: str | None
    finding: str | None
    probability_before: float | None
    probability: float | None

    @property
    def is_one(self) -> bool:
        before = (self.finding_before, self.probability_before)
        return before != (self.finding, self.probability)


def clock_of(view: StudyView) -> list[Stage]:
    """received → analysed → reported → delivered → committed, each counted from receipt."""
    row, received_at = view.row, view.row["received_at"]
    reached = (
        (N_("received"), received_at),
        (N_("analysed"), None if row["images_pending"] else row["analysed_at"]),
        (N_("reported"), row["reported_at"]),
        (N_("delivered"), row["delivered_at"]),
        (N_("committed"), row["committed_at"]),
    )
    return [
        Stage(name, at, None if at is None else (at - received_at).total_seconds())
        for name, at in reached
    ]


def changes_of(revisions: tuple[RevisionView, ...]) -> dict[int, Change]:
    """By revision, of those that have one before them; the revisions are newest first."""
    return {
        newer.row["revision"]: Change(
            older.row["finding"],
            newer.row["finding"],
            older.row["probability"],
            newer.row["probability"],
        )
        for newer, older in pairwise(revisions)
    }
