"""What retention would remove now, and what keeps the rest: looked up, nothing changed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from db.retention import (
    Purged,
    Walk,
    examine_received,
    examine_results,
    received_of,
    results_of,
)
from db.retention_rule import RetentionRule, kept_by_reason
from db.session import reading
from db.storage import kept_sizes
from dicom_node.keeping.purging import Examine, RetentionPlan

_Measure = Callable[[Session, Sequence[int]], Mapping[int, Purged]]


@dataclass(frozen=True)
class Foreseen:
    """None: the plan says nothing of it.

    `quota` is what may go before its time, as far as it has to. `kept` are the studies whose
    received files stay, by reason.
    """

    received: Purged | None
    results: Purged | None
    quota: Purged | None
    excess_bytes: int
    kept: dict[str, int]


def foresee(ledger: Engine, plan: RetentionPlan) -> Foreseen:
    received = results = quota = None
    if plan.received_days is not None:
        rule = plan.rule(plan.received_days)
        received = _sum(ledger, rule, examine_received, received_of)
    if plan.results_days is not None:
        results = _sum(ledger, plan.rule(plan.results_days), examine_results, results_of)
    excess = _excess(ledger, plan)
    if plan.quota_bytes is not None:
        quota = _sum(ledger, plan.quota_rule, examine_received, received_of, at_most_bytes=excess)
    shown = plan.quota_rule if plan.received_days is None else plan.rule(plan.received_days)
    with reading(ledger) as session:
        kept = kept_by_reason(session, shown)
    return Foreseen(received, results, quota, excess, kept)


def _excess(ledger: Engine, plan: RetentionPlan) -> int:
    if plan.quota_bytes is None:
        return 0
    with reading(ledger) as session:
        kept_bytes = kept_sizes(session).size_bytes
    return kept_bytes - plan.quota_low_bytes if kept_bytes > plan.quota_bytes else 0


def _sum(
    ledger: Engine,
    rule: RetentionRule,
    examine: Examine,
    measure: _Measure,
    at_most_bytes: int | None = None,
) -> Purged:
    """Page by page, so that nobody waits; a study of two pages counts once."""
    total, seen = Purged(), set[int]()
    walk: Walk | None = Walk()
    while walk is not None:
        with reading(ledger) as session:
            found = examine(session, rule, walk)
            sizes = measure(session, [one for one in found.study_ids if one not in seen])
        seen.update(found.study_ids)
        for size in sizes.values():
            if at_most_bytes is not None and total.size_bytes >= at_most_bytes:
                return total
            total += size
        walk = found.walk
    return total
