"""How often readers agree with the node, counted from their verdicts, with 95 % intervals.

Readers choose what they judge: these counts are of what was judged, not of all that was analysed.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from db.states import AnalysisState, Opinion
from db.verdicts import GivenVerdict

_Z = 1.959963984540054  # 95 %
_ALARM = (AnalysisState.FRACTURE, AnalysisState.POSSIBLE)
_SURE = (AnalysisState.FRACTURE, AnalysisState.NONE)


@dataclass(frozen=True)
class Share:
    """So many of so many, and Wilson's interval; no value where there is nothing to share."""

    hits: int
    of: int

    @property
    def value(self) -> float | None:
        return self.hits / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """At small numbers and near 0 and 1 it holds what it promises, as hits ± 2σ do not."""
        if not self.of:
            return None
        p, n, z2 = self.hits / self.of, self.of, _Z * _Z
        middle = (p + z2 / (2 * n)) / (1 + z2 / n)
        half = _Z * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
        return max(middle - half, 0.0), min(middle + half, 1.0)


@dataclass(frozen=True)
class Agreement:
    """How the verdicts on findings of one kind fell out."""

    name: str
    agree: int
    partly: int
    disagree: int

    @property
    def verdicts(self) -> int:
        return self.agree + self.partly + self.disagree

    @property
    def share(self) -> Share:
        """Of full agreement."""
        return Share(self.agree, self.verdicts)


@dataclass(frozen=True)
class TwoByTwo:
    """The node's alarm (fracture or possible) against what the reader is sure of.

    `unsure` are those to whom the reader's answer is possible, or the node's is none at all.
    """

    true_alarms: int
    false_alarms: int
    missed: int
    rightly_none: int
    unsure: int

    @property
    def sensitivity(self) -> Share:
        return Share(self.true_alarms, self.true_alarms + self.missed)

    @property
    def specificity(self) -> Share:
        return Share(self.rightly_none, self.rightly_none + self.false_alarms)


@dataclass(frozen=True)
class VerdictStatistics:
    """Of images alone: a study's verdict says nothing of its single images."""

    images: int
    studies: int
    readers: int
    overall: Agreement
    by_finding: list[Agreement]
    by_region: list[Agreement]
    by_model: list[Agreement]
    two_by_two: TwoByTwo
    on_studies: Agreement
    table: dict[tuple[str, str], int] = field(default_factory=dict)  # node's, reader's → verdicts


def count_verdicts(verdicts: Sequence[GivenVerdict]) -> VerdictStatistics:
    """Of verdicts that count; see `db.verdicts.counting_verdicts`."""
    on_images = [one for one in verdicts if one.sop_instance_uid is not None]
    on_studies = [one for one in verdicts if one.sop_instance_uid is None]
    said = Counter((one.finding, one.said) for one in on_images)
    return VerdictStatistics(
        images=len({one.sop_instance_uid for one in on_images}),
        studies=len({one.study_instance_uid for one in verdicts}),
        readers=len({one.reader for one in verdicts}),
        overall=_agreement("", on_images),
        by_finding=_by(on_images, lambda one: one.finding),
        by_region=_by(on_images, lambda one: one.region),
        by_model=_by(on_images, lambda one: one.model),
        two_by_two=_two_by_two(said),
        on_studies=_agreement("", on_studies),
        table={(ours, theirs): n for (ours, theirs), n in said.items() if ours and theirs},
    )


def _by(
    verdicts: Iterable[GivenVerdict], key: Callable[[GivenVerdict], str | None]
) -> list[Agreement]:
    groups: defaultdict[str, list[GivenVerdict]] = defaultdict(list)
    for one in verdicts:
        groups[key(one) or ""].append(one)
    return [_agreement(name, groups[name]) for name in sorted(groups)]


def _agreement(name: str, verdicts: Iterable[GivenVerdict]) -> Agreement:
    counts = Counter(one.opinion for one in verdicts)
    return Agreement(name, *(counts[opinion] for opinion in Opinion))


def _two_by_two(said: Counter[tuple[AnalysisState | None, AnalysisState | None]]) -> TwoByTwo:
    cells: Counter[tuple[bool, AnalysisState]] = Counter()
    for (ours, theirs), verdicts in said.items():
        if theirs in _SURE and ours in (*_ALARM, AnalysisState.NONE):
            cells[ours in _ALARM, theirs] += verdicts
    return TwoByTwo(
        true_alarms=cells[True, AnalysisState.FRACTURE],
        false_alarms=cells[True, AnalysisState.NONE],
        missed=cells[False, AnalysisState.FRACTURE],
        rightly_none=cells[False, AnalysisState.NONE],
        unsure=said.total() - cells.total(),
    )
