"""Probabilities mean what they say, and operating points keep their promise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.calibration import fit_operating_points, fit_platt
from model.evaluation.metrics import expected_calibration_error


def _overconfident(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits twice too large and shifted, with labels drawn from the truth."""
    random = np.random.default_rng(seed)
    truth = random.normal(-1, 2, 5000)
    labels = (random.random(5000) < 1 / (1 + np.exp(-truth))).astype(float)
    return 2 * truth + 1, labels


def test_platt_scaling_finds_the_scale_and_the_shift() -> None:
    logits, labels = _overconfident()
    scaling = fit_platt(logits, labels)
    assert scaling.slope == pytest.approx(0.5, abs=0.05)
    assert scaling.intercept == pytest.approx(-0.5, abs=0.1)
    before = expected_calibration_error(1 / (1 + np.exp(-logits)), labels)
    after = expected_calibration_error(scaling.probability(logits), labels)
    assert after < 0.02 < before


def test_labels_parted_perfectly_still_give_finite_numbers() -> None:
    scaling = fit_platt(np.array([-3.0, -2, 2, 3]), np.array([0.0, 0, 1, 1]))
    assert 0 < scaling.slope < 50


@given(st.integers(0, 1000), st.sampled_from([0.9, 0.95, 1.0]), st.sampled_from([0.8, 0.9, 1.0]))
def test_operating_points_keep_their_promises(
    seed: int, sensitivity: float, specificity: float
) -> None:
    random = np.random.default_rng(seed)
    labels = np.repeat([1.0, 0.0], [30, 120])
    scores = np.clip(random.normal(0.3 + 0.3 * labels, 0.2), 0, 1)
    points = fit_operating_points(scores, labels, sensitivity, specificity)
    assert points.sensitive <= points.specific
    assert (scores[labels > 0] >= points.sensitive).mean() >= sensitivity
    assert (scores[labels <= 0] < points.specific).mean() >= specificity
