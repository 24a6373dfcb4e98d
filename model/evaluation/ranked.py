"""Figures of a ranking for a thousand weightings at once; scikit-learn's take one at a time."""

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
_ROUNDING = 1e-9


class Ranking:
    """Images in order of falling score; each weighting of them is a row."""

    def __init__(self, scores: Values, labels: Values) -> None:
        self._order = np.argsort(-scores, kind="stable")
        self._positive = labels[self._order] > 0
        # Images of one score are called together: only the last of them ends a step of the curve.
        self._steps = np.append(np.flatnonzero(np.diff(scores[self._order])), len(scores) - 1)

    def auroc(self, weights: Values) -> Values:
        """As sklearn.metrics.roc_auc_score."""
        called, right = self._rates(weights)
        return np.asarray(np.trapezoid(_from_zero(right), _from_zero(called), axis=1))

    def average_precision(self, weights: Values) -> Values:
        """As sklearn.metrics.average_precision_score."""
        true, false = self._called(weights)
        precision = np.where(true > 0, true / np.maximum(true + false, _ROUNDING), 0)
        return np.asarray((np.diff(_from_zero(true), axis=1) * precision).sum(1) / true[:, -1])

    def sensitivity_at_specificity(self, weights: Values, specificity: float) -> Values:
        """The highest sensitivity of any point that keeps the specificity."""
        called, right = self._rates(weights)
        kept = np.where(called <= 1 - specificity + _ROUNDING, right, 0).max(axis=1)
        return np.where(np.isnan(called[:, -1] + right[:, -1]), np.nan, kept)

    def specificity_at_sensitivity(self, weights: Values, sensitivity: float) -> Values:
        """The highest specificity of any point that keeps the sensitivity."""
        called, right = self._rates(weights)
        kept = np.where(right >= sensitivity - _ROUNDING, 1 - called, 0).max(axis=1)
        return np.where(np.isnan(called[:, -1] + right[:, -1]), np.nan, kept)

    def _rates(self, weights: Values) -> tuple[Values, Values]:
        """False and true positive rate at each step; not a number where a class is missing."""
        true, false = self._called(weights)
        return false / false[:, -1:], true / true[:, -1:]

    def _called(self, weights: Values) -> tuple[Values, Values]:
        """The weight of fractured and of other images called at each step, [weightings, steps]."""
        ranked = weights[:, self._order]
        true = np.cumsum(ranked * self._positive, axis=1)[:, self._steps]
        false = np.cumsum(ranked * ~self._positive, axis=1)[:, self._steps]
        return true, false


def _from_zero(steps: Values) -> Values:
    return np.pad(steps, ((0, 0), (1, 0)))
