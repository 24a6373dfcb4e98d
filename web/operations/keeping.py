"""What retention does, and what it may not touch."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from db.holds import count_holds
from db.session import reading
from db.storage import KeptSizes, kept_sizes, last_purged_at, oldest_kept_at, purged_since
from dicom_node.keeping.purging import RetentionPlan

_LOOKS_BACK = timedelta(days=7)


@dataclass(frozen=True)
class Keeping:
    """The plan, and how things stand by it; `next_at`: the earliest that the oldest file may go."""

    plan: RetentionPlan
    holds: int
    oldest_at: datetime | None
    last_purged_at: datetime | None
    purged_files: int  # in the last week
    purged_bytes: int
    excess_bytes: int  # above the quota

    @property
    def next_at(self) -> datetime | None:
        if self.oldest_at is None or self.plan.received_days is None:
            return None
        return self.oldest_at + timedelta(days=self.plan.received_days)


def read_keeping(ledger: Engine, plan: RetentionPlan) -> Keeping:
    with reading(ledger) as session:
        files, size_bytes = purged_since(session, datetime.now(UTC) - _LOOKS_BACK)
        return Keeping(
            plan=plan,
            holds=count_holds(session),
            oldest_at=oldest_kept_at(session),
            last_purged_at=last_purged_at(session),
            purged_files=files,
            purged_bytes=size_bytes,
            excess_bytes=_excess(kept_sizes(session), plan),
        )


def _excess(sizes: KeptSizes, plan: RetentionPlan) -> int:
    return 0 if plan.quota_bytes is None else max(sizes.size_bytes - plan.quota_bytes, 0)
