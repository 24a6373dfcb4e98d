"""What calling images from a given probability on would mean, here and at other prevalences."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import confusion_matrix

from model.evaluation.metrics import Sample

PREVALENCES = (0.05, 0.10, 0.20)
_PROBABILITIES = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True, slots=True)
class AtPrevalence:
    """What a call is worth where this share of the images shows a fracture."""

    prevalence: float
    positive_predictive_value: float | None
    negative_predictive_value: float | None
    alarms_per_100: float


@dataclass(frozen=True, slots=True)
class Threshold:
    """A probability from which images are called, and what follows."""

    probability: float
    name: str | None  # of an operating point
    sensitivity: float
    specificity: float
    prevalences: tuple[AtPrevalence, ...]


@dataclass(frozen=True, slots=True)
class Confusion:
    """Counts of images at an operating point."""

    true_negative: int
    false_positive: int
    false_negative: int
    true_positive: int


def confusion(sample: Sample, operating_point: float) -> Confusion:
    """Fractured or not against called or not."""
    called = sample.probabilities >= operating_point
    return Confusion(*map(int, confusion_matrix(sample.labels > 0, called, labels=[0, 1]).ravel()))


def threshold_table(sample: Sample, named: Mapping[str, float]) -> tuple[Threshold, ...]:
    """A row for each of some round probabilities and each operating point."""
    rows = dict.fromkeys(_PROBABILITIES) | {
        probability: name for name, probability in named.items()
    }
    return tuple(_threshold(sample, probability, rows[probability]) for probability in sorted(rows))


def _threshold(sample: Sample, probability: float, name: str | None) -> Threshold:
    called, fractured = sample.probabilities >= probability, sample.labels > 0
    sensitivity, specificity = (
        float(np.mean(called[fractured])),
        float(np.mean(~called[~fractured])),
    )
    return Threshold(
        probability,
        name,
        round(sensitivity, 4),
        round(specificity, 4),
        tuple(at_prevalence(sensitivity, specificity, share) for share in PREVALENCES),
    )


def at_prevalence(sensitivity: float, specificity: float, prevalence: float) -> AtPrevalence:
    called = sensitivity * prevalence + (1 - specificity) * (1 - prevalence)
    return AtPrevalence(
        prevalence,
        positive_predictive_value(sensitivity, specificity, prevalence),
        negative_predictive_value(sensitivity, specificity, prevalence),
        round(100 * called, 1),
    )


def positive_predictive_value(
    sensitivity: float, specificity: float, prevalence: float
) -> float | None:
    """The share of called images that are fractured, by Bayes' rule; None if none is called."""
    true, false = sensitivity * prevalence, (1 - specificity) * (1 - prevalence)
    return round(true / (true + false), 4) if true + false > 0 else None


def negative_predictive_value(
    sensitivity: float, specificity: float, prevalence: float
) -> float | None:
    """The share of the others that are not fractured; None if every image is called."""
    right, missed = specificity * (1 - prevalence), (1 - sensitivity) * prevalence
    return round(right / (right + missed), 4) if right + missed > 0 else None
