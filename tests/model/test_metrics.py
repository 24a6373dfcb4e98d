"""The figures of merit agree with their definitions, worked out the slow way."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.evaluation.metrics import (
    auroc,
    average_precision,
    bootstrap_interval,
    expected_calibration_error,
    sensitivity_at,
    specificity_at,
)

ROWS = st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=40).filter(
    lambda rows: 0 < sum(label for _, label in rows) < len(rows)
)


def _columns(rows: list[tuple[int, bool]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([score for score, _ in rows], float), np.array([x for _, x in rows], float)


@given(ROWS)
def test_auroc_is_the_share_of_pairs_in_order(rows: list[tuple[int, bool]]) -> None:
    scores, labels = _columns(rows)
    pairs = [
        float(high > low) + 0.5 * float(high == low)
        for high in scores[labels > 0]
        for low in scores[labels <= 0]
    ]
    assert auroc(scores, labels) == pytest.approx(np.mean(pairs))


@given(ROWS)
def test_average_precision_is_the_precision_at_each_fractured_image(
    rows: list[tuple[int, bool]],
) -> None:
    scores, labels = _columns(rows)
    precisions = [labels[scores >= score].mean() for score in scores[labels > 0]]
    assert average_precision(scores, labels) == pytest.approx(np.mean(precisions))


def test_sensitivity_and_specificity_by_hand() -> None:
    scores, labels = np.array([0.9, 0.5, 0.4, 0.5, 0.1]), np.array([1.0, 1, 1, 0, 0])
    assert sensitivity_at(0.5)(scores, labels) == pytest.approx(2 / 3)
    assert specificity_at(0.5)(scores, labels) == pytest.approx(1 / 2)


def test_calibration_error_by_hand() -> None:
    assert expected_calibration_error(np.full(100, 0.3), np.repeat([1.0, 0.0], 50)) > 0.2
    assert expected_calibration_error(np.repeat([0.0, 1.0], 50), np.repeat([0.0, 1.0], 50)) == 0


def test_the_interval_is_wider_when_images_come_in_groups() -> None:
    random = np.random.default_rng(1)
    groups = np.repeat(np.arange(12), 20)
    labels = (random.random(240) < 0.4).astype(float)
    scores = labels + random.normal(0, 1, 12)[groups] + random.normal(0, 0.3, 240)
    low, high = bootstrap_interval(auroc, scores, labels, groups.astype(str))
    lone_low, lone_high = bootstrap_interval(auroc, scores, labels, np.arange(240).astype(str))
    assert low <= auroc(scores, labels) <= high
    assert high - low > lone_high - lone_low
