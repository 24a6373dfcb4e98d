"""DeLong's covariance agrees with its definition, a published example and the bootstrap."""

import numpy as np
import pytest
from scipy.stats import chi2

from model.evaluation.delong import delong_covariance, delong_test
from model.evaluation.ranked import Ranking
from model.evaluation.redraws import Redraws

# DeLong's own patients, as SAS/STAT prints them in "Comparing Receiver Operating Characteristic
# Curves" (PROC LOGISTIC): albumin, total protein, K-G score, and whether surgery did good.
PATIENTS = np.fromstring(
    """
    3.0 5.8 10 0  3.2 6.3  5 1  3.9 6.8  3 1  2.8 4.8  6 0  3.2 5.8  3 1  0.9 4.0  5 0
    2.5 5.7  8 0  1.6 5.6  5 1  3.8 5.7  5 1  3.7 6.7  6 1  3.2 5.4  4 1  3.8 6.6  6 1
    4.1 6.6  5 1  3.6 5.7  5 1  4.3 7.0  4 1  3.6 6.7  4 0  2.3 4.4  6 1  4.2 7.6  4 0
    4.0 6.6  6 0  3.5 5.8  6 1  3.8 6.8  7 1  3.0 4.7  8 0  4.5 7.4  5 1  3.7 7.4  5 1
    3.1 6.6  6 1  4.1 8.2  6 1  4.3 7.0  5 1  4.3 6.5  4 1  3.2 5.1  5 1  2.6 4.7  6 1
    3.3 6.8  6 0  1.7 4.0  7 0  3.7 6.1  5 1  3.3 6.3  7 1  4.2 7.7  6 1  3.5 6.2  5 1
    2.9 5.7  9 0  2.1 4.8  7 1  2.8 6.2  8 0  4.0 7.0  7 1  3.3 5.7  6 1  3.7 6.9  5 1
    3.6 6.6  5 1
    """,
    sep=" ",
).reshape(-1, 4)


def test_the_published_example() -> None:
    scores = np.stack([PATIENTS[:, 0], PATIENTS[:, 1], 10 - PATIENTS[:, 2]])
    aurocs, covariance = delong_covariance(scores, PATIENTS[:, 3])
    assert aurocs == pytest.approx([0.7366, 0.6478, 0.7258], abs=1e-4)
    # All three held to the K-G score: chi-square 2.5340 with two degrees of freedom, p = 0.2817.
    contrast = np.array([[1, 0, -1], [0, 1, -1]])
    difference = contrast @ aurocs
    square = difference @ np.linalg.solve(contrast @ covariance @ contrast.T, difference)
    assert square == pytest.approx(2.5340, abs=1e-4)
    assert chi2.sf(square, 2) == pytest.approx(0.2817, abs=1e-4)


def _two_rankings(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    labels = (random.random(300) < 0.4).astype(float)
    seen = labels + random.normal(0, 1, 300)
    return seen + random.normal(0, 0.5, 300), (seen + random.normal(0, 1.5, 300)).round(1), labels


def test_the_variance_is_that_of_its_definition() -> None:
    first, _, labels = _two_rankings(1)
    fractured, others = first[labels > 0], first[labels <= 0]
    right = (fractured[:, None] > others) + 0.5 * (fractured[:, None] == others)
    expected = right.mean(axis=1).var(ddof=1) / len(fractured)
    expected += right.mean(axis=0).var(ddof=1) / len(others)
    aurocs, covariance = delong_covariance(first[None], labels)
    assert aurocs[0] == pytest.approx(right.mean())
    assert covariance[0, 0] == pytest.approx(expected)


def test_it_agrees_with_a_bootstrap_of_single_images() -> None:
    first, second, labels = _two_rankings(2)
    rankings = Ranking(first, labels), Ranking(second, labels)
    redrawn = Redraws.of(map(str, range(300))).each(
        lambda weights: rankings[0].auroc(weights) - rankings[1].auroc(weights)
    )
    z, p = delong_test(first, second, labels) or (0, 1)
    assert redrawn.mean() / redrawn.std() == pytest.approx(z, rel=0.1)
    assert p < 0.001


def test_the_same_ranking_does_not_differ() -> None:
    first, second, labels = _two_rankings(3)
    assert delong_test(first, 2 * first + 1, labels) == (0.0, 1.0)
    forth, back = delong_test(first, second, labels), delong_test(second, first, labels)
    assert forth is not None
    assert back is not None
    assert forth == pytest.approx((-back[0], back[1]))


def test_a_single_image_of_a_class_has_no_variance() -> None:
    assert delong_test(np.array([0.9, 0.1]), np.array([0.8, 0.2]), np.array([1.0, 0.0])) is None
