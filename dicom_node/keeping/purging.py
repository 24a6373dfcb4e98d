"""Retention at work: step by step, each of them short, files go that are owed to nobody.

Rows first: a commit says that the files are gone, and notes them as leaving; then they are removed.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from db.retention import (
    Examined,
    Purged,
    Walk,
    examine_received,
    examine_results,
    purge_received,
    purge_results,
    received_of,
)
from db.retention_rule import RetentionRule
from db.session import reading, transaction
from db.storage import kept_sizes
from dicom_node.keeping.leaving import StraySweep, remove_leaving
from dicom_node.spool import Spool

log = structlog.get_logger(__name__)

DAY_SECONDS = 86400.0
# Above the quota files go before their time, but none of a study that is still being dealt with.
LEAST_AGE_SECONDS = 3600.0
_STUDIES_AT_ONCE = 25
_COMPLAINS_EVERY_SECONDS = 3600.0
BY_RETENTION = "retention"


@dataclass(frozen=True)
class RetentionPlan:
    """How long what is kept; None: for ever, or without a quota."""

    received_days: float | None = None
    results_days: float | None = None
    requires_proof: bool = True
    quota_bytes: int | None = None  # above it files go before their time
    quota_low_bytes: int = 0  # until there are so few

    def rule(self, days: float) -> RetentionRule:
        return RetentionRule(days * DAY_SECONDS, self.requires_proof)

    @property
    def quota_rule(self) -> RetentionRule:
        return RetentionRule(LEAST_AGE_SECONDS, self.requires_proof)


@dataclass(frozen=True)
class Step:
    """What a step did, and whether there is more to do at once."""

    received: Purged
    results: Purged
    has_more: bool


Purge = Callable[..., Purged]
Examine = Callable[[Session, RetentionRule, Walk], Examined]


class Purger:
    """Walks through what is kept, oldest first, a few hundred files a step, and begins again.

    What it remembers is only where it is: another process can go on in its place.
    """

    def __init__(
        self, ledger: Engine, spool: Spool, plan: RetentionPlan, actor: str = BY_RETENTION
    ) -> None:
        self._ledger = ledger
        self._spool = spool
        self._plan = plan
        self._actor = actor
        self._walks: dict[str, Walk] = {}  # by what is walked for
        self._is_draining = False
        self._drained = Purged()  # since the quota's walk began
        self._complained_at: float | None = None
        self.strays = StraySweep(ledger, spool)

    def step(self) -> Step:
        """One step of everything that is due: LedgerUnavailable, SpoolError put it off."""
        plan = self._plan
        received = results = quota = Purged()
        more = False
        if plan.received_days is not None:
            rule = plan.rule(plan.received_days)
            why = f"kept for {plan.received_days:g} days"
            received, more = self._walk("received", (examine_received, purge_received), rule, why)
        if plan.results_days is not None:
            rule = plan.rule(plan.results_days)
            why = f"kept for {plan.results_days:g} days"
            results, results_more = self._walk(
                "results", (examine_results, purge_results), rule, why
            )
            more = more or results_more
        if plan.quota_bytes is not None:
            quota, quota_more = self._drain(plan.quota_bytes)
            more = more or quota_more
        remove_leaving(self._ledger, self._spool)
        return Step(received + quota, results, more)

    def _walk(
        self, name: str, course: tuple[Examine, Purge], rule: RetentionRule, why: str
    ) -> tuple[Purged, bool]:
        """The next part of the walk of this name; whether it goes on."""
        examine, purge = course
        with reading(self._ledger) as session:
            examined = examine(session, rule, self._walks.get(name, Walk()))
        self._walks[name] = examined.walk or Walk()
        purged = self._purge(purge, examined.study_ids, rule, why)
        return purged, examined.walk is not None

    def _purge(
        self, purge: Purge, study_ids: tuple[int, ...], rule: RetentionRule, why: str
    ) -> Purged:
        purged = Purged()
        for start in range(0, len(study_ids), _STUDIES_AT_ONCE):
            some = study_ids[start : start + _STUDIES_AT_ONCE]
            with transaction(self._ledger) as session:
                purged += purge(session, some, rule, why=why, actor=self._actor)
        if purged.studies:
            log.info(
                "files_purged",
                studies=purged.studies,
                files=purged.files,
                size_bytes=purged.size_bytes,
                why=why,
            )
        return purged

    def _drain(self, quota_bytes: int) -> tuple[Purged, bool]:
        """Above the quota: the oldest go until there is room again, or none is left that may."""
        with reading(self._ledger) as session:
            excess = self._excess(kept_sizes(session).size_bytes, quota_bytes)
            if excess <= 0:
                return Purged(), False
            walk = self._walks.get("quota", Walk())
            examined = examine_received(session, self._plan.quota_rule, walk)
            sizes = received_of(session, examined.study_ids)
        chosen = _as_many_as_needed(examined.study_ids, sizes, excess)
        self._walks["quota"] = examined.walk or Walk()
        why = "above the quota of the spool"
        purged = self._purge(purge_received, chosen, self._plan.quota_rule, why)
        self._drained += purged
        is_at_its_end = examined.walk is None and purged.size_bytes < excess
        if is_at_its_end and not self._drained.studies:
            self._complain(excess)
        if is_at_its_end:
            self._drained = Purged()
        return purged, not is_at_its_end

    def _excess(self, kept_bytes: int, quota_bytes: int) -> int:
        """How much has to go; 0 where nothing has. Begun, it goes on down to the low mark."""
        low = self._plan.quota_low_bytes
        self._is_draining = kept_bytes > (low if self._is_draining else quota_bytes)
        return kept_bytes - low if self._is_draining else 0

    def _complain(self, excess_bytes: int) -> None:
        now = time.monotonic()
        last = self._complained_at
        if last is None or now - last >= _COMPLAINS_EVERY_SECONDS:
            self._complained_at = now
            log.warning("quota_exceeded", excess_bytes=excess_bytes)


def _as_many_as_needed(
    study_ids: tuple[int, ...], sizes: Mapping[int, Purged], needed_bytes: int
) -> tuple[int, ...]:
    chosen: list[int] = []
    for study_id in study_ids:
        if needed_bytes <= 0:
            break
        chosen.append(study_id)
        needed_bytes -= sizes.get(study_id, Purged()).size_bytes
    return tuple(chosen)
