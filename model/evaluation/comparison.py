"""Two classifiers on the same images: what differs, and by more than these images leave open."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix

from model.card import Card
from model.evaluation.delong import delong_test
from model.evaluation.measured import Measured, truths
from model.evaluation.metrics import Sample, auroc
from model.evaluation.ranked import Ranking
from model.evaluation.redraws import Redraws, interval
from model.evaluation.summary import HELD_SPECIFICITY, NothingJudged
from model.figures import Interval

Values = NDArray[np.float64]
Rows = NDArray[np.bool_]
STATES = ("none", "possible", "fracture")


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure of both, and the second's less the first's with its paired interval."""

    name: str
    first: float
    second: float
    difference: Interval

    @property
    def shown(self) -> bool:
        """Whether the interval leaves out nought."""
        return self.difference.low > 0 or self.difference.high < 0


@dataclass(frozen=True, slots=True)
class Agreement:
    """Images by what the first says (rows) and the second (columns): none, possible, fracture."""

    fractured: tuple[tuple[int, ...], ...]
    others: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What `osteon compare --json` prints."""

    first: str
    second: str
    images: int  # judged by both
    fractured: int
    groups: int
    left_out: int  # not assessable to one of them, or to both
    differences: tuple[Difference, ...]
    delong: tuple[float, float] | None  # z and two-sided p of the AUROCs
    agreement: Agreement


@dataclass(frozen=True, slots=True)
class Judge:
    """One of the two: its card and what it said, in the order of the images."""

    card: Card
    measured: Sequence[Measured]

    @property
    def name(self) -> str:
        return f"{self.card.name} {self.card.version}"

    @property
    def points(self) -> tuple[float, float]:
        """Sensitive and specific."""
        points = self.card.operating_points
        return points.sensitive.probability, points.specific.probability


def compare(first: Judge, second: Judge) -> Comparison:
    """Raises NothingJudged unless both judged images with and without a fracture."""
    both = [a.judged and b.judged for a, b in zip(first.measured, second.measured, strict=True)]
    a, b = (_Answers.of(judge, both) for judge in (first, second))
    if not a.sample.both_classes:
        raise NothingJudged("a comparison needs images with and without a fracture, judged by both")
    labels, redraws = a.sample.labels, a.sample.redraws
    test = delong_test(b.sample.probabilities, a.sample.probabilities, labels)
    quantities = zip(_quantities(a), _quantities(b), strict=True)
    return Comparison(
        first=first.name,
        second=second.name,
        images=len(labels),
        fractured=int(labels.sum()),
        groups=redraws.drawn.shape[1],
        left_out=len(both) - len(labels),
        differences=tuple(_difference(one, other, redraws) for one, other in quantities),
        delong=None if test is None else (round(test[0], 3), round(test[1], 4)),
        agreement=Agreement(_crosstab(a, b, labels > 0), _crosstab(a, b, labels <= 0)),
    )


@dataclass(frozen=True, slots=True)
class _Answers:
    """What one of them said of the images that both judged."""

    sample: Sample
    states: NDArray[np.intp]  # an index into STATES

    @classmethod
    def of(cls, judge: Judge, both: Sequence[bool]) -> "_Answers":
        sample = Sample.of(truths(compress(judge.measured, both)))
        reached = [sample.probabilities >= point for point in judge.points]
        return cls(sample, np.sum(reached, axis=0))


@dataclass(frozen=True, slots=True)
class _Quantity:
    """A figure of one classifier, and the same of every weighting of the images."""

    name: str
    value: float
    each: Callable[[Values], Values]


def _quantities(answers: _Answers) -> list[_Quantity]:
    sample, fractured = answers.sample, answers.sample.labels > 0
    ranking = Ranking(sample.probabilities, sample.labels)
    possible, fracture = answers.states >= 1, answers.states >= 2
    return [
        _Quantity("AUROC", auroc(sample.probabilities, sample.labels), ranking.auroc),
        _held(ranking, len(sample.labels)),
        _share("sensitivity, called possible", possible, fractured),
        _share("specificity, called possible", ~possible, ~fractured),
        _share("sensitivity, called fracture", fracture, fractured),
        _share("specificity, called fracture", ~fracture, ~fractured),
    ]


def _held(ranking: Ranking, images: int) -> _Quantity:
    def each(weights: Values) -> Values:
        return ranking.sensitivity_at_specificity(weights, HELD_SPECIFICITY)

    name = f"sensitivity at specificity {HELD_SPECIFICITY:.2f}"
    return _Quantity(name, float(each(np.ones((1, images)))[0]), each)


def _share(name: str, hits: Rows, of: Rows) -> _Quantity:
    def each(weights: Values) -> Values:
        return np.asarray((weights[:, of] @ hits[of]) / weights[:, of].sum(axis=1))

    return _Quantity(name, float(hits[of].mean()), each)


def _difference(first: _Quantity, second: _Quantity, redraws: Redraws) -> Difference:
    """Paired: both are measured on the same redraw."""
    redrawn = redraws.each(lambda weights: second.each(weights) - first.each(weights))
    return Difference(
        name=first.name,
        first=round(first.value, 4),
        second=round(second.value, 4),
        difference=interval(second.value - first.value, redrawn),
    )


def _crosstab(first: _Answers, second: _Answers, rows: Rows) -> tuple[tuple[int, ...], ...]:
    counts = confusion_matrix(first.states[rows], second.states[rows], labels=range(len(STATES)))
    return tuple(tuple(map(int, row)) for row in counts)
