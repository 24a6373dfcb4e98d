"""From logits to probabilities and operating points, fitted on images the network never saw."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
# A weak pull towards the identity: finite even where the logits part the labels perfectly.
_PRIOR = 1e-2
_NEWTON_STEPS = 50


@dataclass(frozen=True, slots=True)
class PlattScaling:
    """probability = sigmoid(slope · logit + intercept)."""

    slope: float = 1.0
    intercept: float = 0.0

    def probability(self, logits: Values) -> Values:
        return np.asarray(1 / (1 + np.exp(-(self.slope * logits + self.intercept))))


@dataclass(frozen=True, slots=True)
class OperatingPoints:
    """Probabilities from which an image is called possible (sensitive) and fracture (specific)."""

    sensitive: float
    specific: float


def fit_platt(logits: Values, labels: Values) -> PlattScaling:
    """Maximum likelihood by Newton's method."""
    inputs = np.stack([logits, np.ones_like(logits)], axis=1)
    start = np.array([1.0, 0.0])
    weights = start.copy()
    for _ in range(_NEWTON_STEPS):
        chance = 1 / (1 + np.exp(-inputs @ weights))
        gradient = inputs.T @ (chance - labels) + _PRIOR * (weights - start)
        curvature = (inputs * (chance * (1 - chance))[:, None]).T @ inputs + _PRIOR * np.eye(2)
        weights = weights - np.linalg.solve(curvature, gradient)
    return PlattScaling(slope=round(float(weights[0]), 6), intercept=round(float(weights[1]), 6))


def fit_operating_points(
    probabilities: Values, labels: Values, sensitivity: float, specificity: float
) -> OperatingPoints:
    """The highest point that keeps the sensitivity, the lowest that keeps the specificity."""
    fractured, others = probabilities[labels > 0], probabilities[labels <= 0]
    sensitive = np.quantile(fractured, 1 - sensitivity, method="lower")
    specific = np.quantile(others, specificity, method="higher") + 1e-4
    # Rounded down and up as probabilities are, so that neither promise is broken by rounding.
    low, high = np.floor(sensitive * 1e4) / 1e4, np.ceil(specific * 1e4) / 1e4
    return OperatingPoints(sensitive=float(min(low, high)), specific=float(max(low, high)))
