"""What comes in and what is said of it, week by week and sender by sender: labels are not needed.

Self-tests are left out: they say nothing of the hospital's images.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, case, exists, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from db.self_test import self_test_instances, self_test_studies
from db.states import AnalysisState
from db.tables import Analysis, Association, Instance, WorklistEntry

BINS = 20
_POSITIVE = (AnalysisState.FRACTURE, AnalysisState.POSSIBLE)


@dataclass
class Mix:
    """Images of one sender in one week; `bins` count probabilities in twentieths."""

    images: int = 0
    positive: int = 0  # fractures and possibles
    not_analysed: int = 0
    bins: list[int] = field(default_factory=lambda: [0] * BINS)
    views: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    regions: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def analysed(self) -> int:
        return self.images - self.not_analysed

    def add(self, other: "Mix") -> None:
        self.images += other.images
        self.positive += other.positive
        self.not_analysed += other.not_analysed
        self.bins = [one + more for one, more in zip(self.bins, other.bins, strict=True)]
        for name, images in other.views.items():
            self.views[name] += images
        for name, images in other.regions.items():
            self.regions[name] += images


Mixes = Mapping[str, list[Mix]]


def weekly_mixes(session: Session, now: datetime, weeks: int) -> Mixes:
    """By sender, its weeks from the oldest to the one that ends now."""
    starts = [now - timedelta(weeks=weeks - number) for number in range(weeks)]
    week = _step(Analysis.analysed_at, starts[1:])
    view, bin_number = Instance.view_position, _bin()
    groups = (Association.calling_ae_title, week, Analysis.state, view, Analysis.region, bin_number)
    asked = (
        select(*groups, func.count())
        .select_from(Analysis)
        .join(Instance, Instance.id == Analysis.instance_id)
        .join(Association, Association.id == Instance.association_id)
        .where(Analysis.analysed_at >= starts[0], Analysis.analysed_at < now)
        .where(Instance.is_image, Instance.id.not_in(self_test_instances()), ~_has_newer())
        .group_by(*groups)
    )
    mixes: defaultdict[str, list[Mix]] = defaultdict(lambda: [Mix() for _ in range(weeks)])
    for source, number, state, view_position, region, probability_bin, images in session.execute(
        asked
    ):
        mix = Mix(
            images=images,
            positive=images if state in _POSITIVE else 0,
            not_analysed=images if state is AnalysisState.NOT_ANALYSED else 0,
        )
        mix.views[view_position.strip().upper()] = images
        if region is not None:
            mix.regions[region] = images
        if probability_bin is not None:
            mix.bins[probability_bin] = images
        mixes[source][number].add(mix)
    return dict(sorted(mixes.items()))


def study_probabilities(session: Session, since: datetime) -> list[int]:
    """How many studies since then have which highest probability, in two hundredths."""
    entry = WorklistEntry
    rounded = func.round(entry.probability * 200)
    asked = (
        select(rounded, func.count())
        .where(entry.received_at >= since, entry.probability.is_not(None))
        .where(entry.study_id.not_in(self_test_studies()))
        .group_by(rounded)
    )
    counts = [0] * 201
    for step, studies in session.execute(asked):
        counts[int(step)] = studies
    return counts


def _bin() -> ColumnElement[int]:
    """Which twentieth; by comparing, since databases round in their own ways."""
    steps = [number / BINS for number in range(1, BINS)]
    return case(
        (Analysis.probability.is_(None), None),
        *((Analysis.probability < step, number) for number, step in enumerate(steps)),
        else_=BINS - 1,
    )


def _step(column: InstrumentedAttribute[datetime], starts: list[datetime]) -> ColumnElement[int]:
    """How many of these moments have passed by then."""
    if not starts:
        return case((column.is_not(None), 0), else_=0)
    return case(
        *((column < start, number) for number, start in enumerate(starts)), else_=len(starts)
    )


def _has_newer() -> ColumnElement[bool]:
    newer = aliased(Analysis)
    return exists().where(newer.instance_id == Analysis.instance_id, newer.id > Analysis.id)
