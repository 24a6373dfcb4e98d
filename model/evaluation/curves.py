"""The curves of a report, by scikit-learn, thinned to what a drawing can show."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.calibration import calibration_curve
from sklearn.metrics import precision_recall_curve, roc_curve

from model.drawing import Points
from model.evaluation.metrics import Sample
from model.measured_curves import MeasuredCurves, thresholds_of

Values = NDArray[np.float64]

_MOST_POINTS = 400
_RELIABILITY_BINS = 10
_HISTOGRAM_BINS = 20


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many fractured and other images have which probability, in bins of equal width."""

    fractured: tuple[int, ...]
    others: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Curves:
    """What is drawn of the probabilities; curves that need both classes are empty without."""

    roc: Points  # false positive rate, sensitivity
    precision_recall: Points  # sensitivity, precision
    reliability: Points  # mean probability, share fractured; ten bins of equal count
    histogram: Histogram


def draw_curves(sample: Sample) -> Curves:
    probabilities, fractured = sample.probabilities, sample.labels > 0
    return Curves(
        roc=_roc(sample) if sample.both_classes else (),
        precision_recall=_precision_recall(sample) if sample.both_classes else (),
        reliability=_reliability(sample),
        histogram=Histogram(_counts(probabilities[fractured]), _counts(probabilities[~fractured])),
    )


def measured_curves(sample: Sample, note: str) -> MeasuredCurves:
    """What travels with an artefact, both classes being there."""
    drawn, fractured = draw_curves(sample), sample.labels > 0
    return MeasuredCurves(
        images=len(sample.labels),
        fractured=int(fractured.sum()),
        note=note,
        thresholds=thresholds_of(sample.probabilities.tolist(), fractured.tolist()),
        roc=drawn.roc,
        precision_recall=drawn.precision_recall,
        reliability=drawn.reliability,
        histogram_fractured=drawn.histogram.fractured,
        histogram_others=drawn.histogram.others,
    )


def _roc(sample: Sample) -> Points:
    called, right, _ = roc_curve(sample.labels, sample.probabilities)
    return thinned(called, right)


def _precision_recall(sample: Sample) -> Points:
    precision, sensitivity, _ = precision_recall_curve(sample.labels, sample.probabilities)
    return thinned(sensitivity[::-1], precision[::-1])


def _reliability(sample: Sample) -> Points:
    shares, means = calibration_curve(
        sample.labels > 0, sample.probabilities, n_bins=_RELIABILITY_BINS, strategy="quantile"
    )
    return thinned(means, shares)


def _counts(probabilities: Values) -> tuple[int, ...]:
    counts, _ = np.histogram(probabilities, bins=_HISTOGRAM_BINS, range=(0, 1))
    return tuple(map(int, counts))


def thinned(x: Values, y: Values) -> Points:
    """At most 400 of the points, evenly taken, the first and the last among them."""
    kept = np.unique(np.linspace(0, len(x) - 1, min(len(x), _MOST_POINTS)).round().astype(int))
    return tuple((round(float(x[at]), 4), round(float(y[at]), 4)) for at in kept)
