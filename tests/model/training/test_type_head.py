"""A type is told only where such answers were right often enough."""

import numpy as np

from model.training.late_heads import fit_type_regression
from model.training.type_head import WANTED_PRECISION, sure_enough


def _answers(right: np.ndarray, told: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of two types whose likeliest has this probability, and the true types."""
    return np.stack([told, 1 - told], axis=1), np.where(right, 0, 1)


def test_the_point_is_the_lowest_that_is_right_often_enough() -> None:
    told = np.linspace(0.99, 0.51, 100)
    right = np.arange(100) < 60  # the sixty surest are right, the others wrong
    point = sure_enough(*_answers(right, told)).probability
    reached = told >= point
    assert right[reached].mean() >= WANTED_PRECISION
    assert reached.sum() == 100  # 60 of 100 are three in five


def test_a_head_that_guesses_never_tells() -> None:
    random = np.random.default_rng(0)
    told = random.uniform(0.5, 1, 200)
    point = sure_enough(*_answers(random.random(200) < 0.3, told))
    assert point.probability == 1.0
    assert "right often enough" in point.chosen_for


def test_the_regression_learns_and_leaves_unseen_types_without_a_chance() -> None:
    random = np.random.default_rng(0)
    types = random.integers(0, 2, 300) * 2  # of three types the middle one is never shown
    close = random.normal(size=(300, 20)).astype(np.float32)
    close[:, :10] += types[:, None] * 2
    probabilities = fit_type_regression(close, types).probabilities(close, 3)
    assert (probabilities.argmax(axis=1) == types).mean() > 0.95
    assert probabilities[:, 1].max() == 0
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
