"""Figures of merit, each a few lines of numpy."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Metric = Callable[[Values, Values], float]

_RESAMPLES = 1000
_CALIBRATION_BINS = 10


def auroc(scores: Values, labels: Values) -> float:
    """The chance that a fractured image scores above another; ties count half."""
    positives = labels > 0
    below = np.searchsorted(np.sort(scores[~positives]), scores[positives], side="left")
    up_to = np.searchsorted(np.sort(scores[~positives]), scores[positives], side="right")
    return float((below + up_to).sum() / 2 / max(positives.sum() * (~positives).sum(), 1))


def average_precision(scores: Values, labels: Values) -> float:
    """The mean precision over the ranks of fractured images; equal scores share a rank."""
    order = np.argsort(-scores, kind="stable")
    ranked, found = scores[order], np.cumsum(labels[order] > 0)
    last_of_tie = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    precision = found[last_of_tie] / (last_of_tie + 1)
    gained = np.diff(found[last_of_tie], prepend=0)
    return float((precision * gained).sum() / max(found[-1], 1))


def sensitivity_at(operating_point: float) -> Metric:
    """The share of fractured images that reach the point."""
    return lambda scores, labels: _share(scores[labels > 0] >= operating_point)


def specificity_at(operating_point: float) -> Metric:
    """The share of other images that stay below the point."""
    return lambda scores, labels: _share(scores[labels <= 0] < operating_point)


def _share(hits: NDArray[np.bool_]) -> float:
    return float(hits.mean()) if hits.size else 0.0


def expected_calibration_error(probabilities: Values, labels: Values) -> float:
    """How far, on average, a probability is from what came true: ten bins of equal count."""
    order = np.argsort(probabilities, kind="stable")
    gaps = [
        abs(probabilities[rows].mean() - labels[rows].mean()) * len(rows)
        for rows in np.array_split(order, _CALIBRATION_BINS)
        if len(rows)
    ]
    return float(sum(gaps) / max(len(order), 1))


def bootstrap_interval(
    metric: Metric, scores: Values, labels: Values, groups: NDArray[np.str_]
) -> tuple[float, float]:
    """95 % of the metric when whole groups are redrawn: images of one patient are alike."""
    random = np.random.default_rng(0)
    rows_of = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    values: list[float] = []
    while len(values) < _RESAMPLES:
        rows = np.concatenate(
            [rows_of[k] for k in random.integers(len(rows_of), size=len(rows_of))]
        )
        if 0 < (labels[rows] > 0).sum() < len(rows):
            values.append(metric(scores[rows], labels[rows]))
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)
