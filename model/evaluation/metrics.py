"""The figures of merit of probabilities, each with its interval over redrawn groups.

The figures themselves are scikit-learn's; `ranked` gives the same ones for each redraw.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score, roc_curve

from model.evaluation.measured import Truths
from model.evaluation.ranked import Ranking
from model.evaluation.redraws import Redraws, interval, mean_interval
from model.figures import HeldFigure, Interval, PointFigures

Values = NDArray[np.float64]
Rows = NDArray[np.bool_]

_CALIBRATION_BINS = 10
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Sample:
    """Images that were judged, and their redraws."""

    probabilities: Values
    labels: Values
    redraws: Redraws

    @classmethod
    def of(cls, known: Truths) -> "Sample":
        return cls(known.probabilities, known.labels, Redraws.of(known.groups))

    @property
    def both_classes(self) -> bool:
        """Without both there is no ranking to speak of."""
        return 0 < int((self.labels > 0).sum()) < len(self.labels)

    def only(self, rows: Rows) -> "Sample":
        """Some of the images, in the same redraws."""
        return Sample(self.probabilities[rows], self.labels[rows], self.redraws.only(rows))


def auroc(scores: Values, labels: Values) -> float:
    """The chance that a fractured image scores above another; ties count half."""
    return float(roc_auc_score(labels, scores))


def auroc_interval(sample: Sample) -> Interval | None:
    if not sample.both_classes:
        return None
    ranking = Ranking(sample.probabilities, sample.labels)
    value = auroc(sample.probabilities, sample.labels)
    return interval(value, sample.redraws.each(ranking.auroc))


def average_precision_interval(sample: Sample) -> Interval | None:
    if not sample.both_classes:
        return None
    ranking = Ranking(sample.probabilities, sample.labels)
    value = float(average_precision_score(sample.labels, sample.probabilities))
    return interval(value, sample.redraws.each(ranking.average_precision))


def point_figures(sample: Sample, operating_point: float) -> PointFigures:
    """Sensitivity and specificity when every image from this probability on is called."""
    called, fractured = sample.probabilities >= operating_point, sample.labels > 0
    return PointFigures(
        sensitivity=share_interval(called, fractured, sample.redraws),
        specificity=share_interval(~called, ~fractured, sample.redraws),
    )


def share_interval(hits: Rows, of: Rows, redraws: Redraws) -> Interval | None:
    """The share of hits among those rows; None where there are none."""
    return mean_interval(hits[of].astype(np.float64), redraws.only(of)) if of.any() else None


def sensitivity_at_specificity(sample: Sample, specificity: float) -> HeldFigure | None:
    """The point is chosen anew in each redraw: the interval holds that choice too."""
    if not sample.both_classes:
        return None
    called, right, _ = roc_curve(sample.labels, sample.probabilities, drop_intermediate=False)
    ranking = Ranking(sample.probabilities, sample.labels)
    redrawn = sample.redraws.each(lambda w: ranking.sensitivity_at_specificity(w, specificity))
    value = float(right[called <= 1 - specificity + _ROUNDING].max())
    return HeldFigure(held=specificity, reached=interval(value, redrawn))


def specificity_at_sensitivity(sample: Sample, sensitivity: float) -> HeldFigure | None:
    """The point is chosen anew in each redraw: the interval holds that choice too."""
    if not sample.both_classes:
        return None
    called, right, _ = roc_curve(sample.labels, sample.probabilities, drop_intermediate=False)
    ranking = Ranking(sample.probabilities, sample.labels)
    redrawn = sample.redraws.each(lambda w: ranking.specificity_at_sensitivity(w, sensitivity))
    value = float(1 - called[right >= sensitivity - _ROUNDING].min())
    return HeldFigure(held=sensitivity, reached=interval(value, redrawn))


def brier_interval(sample: Sample) -> Interval:
    """The mean squared distance of a probability from what came true."""
    squares = (sample.probabilities - sample.labels) ** 2
    redrawn = sample.redraws.each(lambda weights: (weights @ squares) / weights.sum(axis=1))
    value = float(brier_score_loss(sample.labels, sample.probabilities, labels=[0, 1]))
    return interval(value, redrawn)


def expected_calibration_error(probabilities: Values, labels: Values) -> float:
    """How far, on average, a probability is from what came true: ten bins of equal count."""
    return float(_calibration_error(np.ones((1, len(labels))), probabilities, labels)[0])


def calibration_error_interval(sample: Sample) -> Interval:
    """The bins are kept. What chance alone adds in a redraw is taken off again.

    An error is never below nought, so a redraw's is on average above the sample's own: by the
    bootstrap's estimate of bias (Efron and Tibshirani 1993, chapter 10).
    """
    value = expected_calibration_error(sample.probabilities, sample.labels)
    redrawn = sample.redraws.each(
        lambda weights: _calibration_error(weights, sample.probabilities, sample.labels)
    )
    return interval(value, np.maximum(redrawn - (redrawn.mean() - value), 0))


def _calibration_error(weights: Values, probabilities: Values, labels: Values) -> Values:
    order = np.argsort(probabilities, kind="stable")
    gaps = np.zeros((len(labels), _CALIBRATION_BINS))
    for number, rows in enumerate(np.array_split(order, _CALIBRATION_BINS)):
        gaps[rows, number] = (probabilities - labels)[rows]
    return np.asarray(np.abs(weights @ gaps).sum(axis=1) / weights.sum(axis=1))
