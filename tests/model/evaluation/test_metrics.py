"""The figures of merit agree with their definitions, worked out by hand or the slow way."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve

from model.evaluation.measured import truths
from model.evaluation.metrics import (
    Sample,
    auroc,
    auroc_interval,
    average_precision_interval,
    brier_interval,
    calibration_error_interval,
    expected_calibration_error,
    point_figures,
    sensitivity_at_specificity,
    specificity_at_sensitivity,
)
from model.evaluation.redraws import Redraws
from tests.model.evaluation.made_rows import row, rows

ROWS = st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=40).filter(
    lambda drawn: 0 < sum(label for _, label in drawn) < len(drawn)
)


def _sample(fractured: list[float], others: list[float]) -> Sample:
    return Sample.of(truths(rows(fractured, others)))


def _columns(drawn: list[tuple[int, bool]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([score for score, _ in drawn], float), np.array([x for _, x in drawn], float)


@given(ROWS)
@settings(deadline=None)
def test_auroc_is_the_share_of_pairs_in_order(drawn: list[tuple[int, bool]]) -> None:
    scores, labels = _columns(drawn)
    pairs = [
        float(high > low) + 0.5 * float(high == low)
        for high in scores[labels > 0]
        for low in scores[labels <= 0]
    ]
    assert auroc(scores, labels) == pytest.approx(np.mean(pairs))


def test_a_small_sample_by_hand() -> None:
    sample = _sample([0.9, 0.5, 0.4], [0.5, 0.1])
    # Of six pairs 0.9 wins two, 0.5 one and a half, 0.4 one.
    figure = auroc_interval(sample)
    assert figure is not None
    assert figure.value == pytest.approx(4.5 / 6, abs=1e-4)
    # Precision 1 at the first, 2/3 at the tie of the second, 3/4 at the third.
    precision = average_precision_interval(sample)
    assert precision is not None
    assert precision.value == pytest.approx((1 + 2 / 3 + 3 / 4) / 3, abs=1e-4)
    assert brier_interval(sample).value == pytest.approx(
        (0.1**2 + 0.5**2 + 0.6**2 + 0.5**2 + 0.1**2) / 5, abs=1e-4
    )


def test_an_image_at_the_operating_point_is_called() -> None:
    figures = point_figures(_sample([0.9, 0.5, 0.4], [0.5, 0.1]), 0.5)
    assert figures.sensitivity is not None
    assert figures.specificity is not None
    assert figures.sensitivity.value == pytest.approx(2 / 3, abs=1e-4)
    assert figures.specificity.value == pytest.approx(1 / 2)


def test_held_figures_by_hand() -> None:
    sample = _sample([0.9, 0.7, 0.5, 0.2], [0.8, 0.6, 0.4, 0.3, 0.1])
    held = sensitivity_at_specificity(sample, 0.6)  # two of five may be called
    assert held is not None
    assert (held.held, held.reached.value) == (0.6, 0.75)
    other = specificity_at_sensitivity(sample, 0.75)  # down to 0.5
    assert other is not None
    assert other.reached.value == 0.6


@given(ROWS, st.sampled_from([0.5, 0.88, 1.0]))
@settings(deadline=None, max_examples=40)
def test_a_held_specificity_is_kept_and_no_sensitivity_given_away(
    drawn: list[tuple[int, bool]], specificity: float
) -> None:
    scores, labels = _columns(drawn)
    sample = _sample(list(scores[labels > 0] / 6), list(scores[labels <= 0] / 6))
    cuts = [*np.unique(sample.probabilities), 2.0]
    fractured = sample.labels > 0
    allowed = [
        (sample.probabilities >= cut)[fractured].mean()
        for cut in cuts
        if (sample.probabilities < cut)[~fractured].mean() >= specificity
    ]
    held = sensitivity_at_specificity(sample, specificity)
    assert held is not None
    assert held.reached.value == pytest.approx(max(allowed), abs=1e-4)


def test_without_both_classes_nothing_is_ranked() -> None:
    sample = _sample([0.9, 0.2], [])
    assert auroc_interval(sample) is None
    assert average_precision_interval(sample) is None
    assert sensitivity_at_specificity(sample, 0.9) is None
    figures = point_figures(sample, 0.5)
    assert figures.specificity is None
    assert figures.sensitivity is not None
    assert figures.sensitivity.value == 0.5


def test_calibration_error_by_hand() -> None:
    assert expected_calibration_error(np.full(100, 0.3), np.repeat([1.0, 0.0], 50)) == 0.5
    assert expected_calibration_error(np.repeat([0.0, 1.0], 50), np.repeat([0.0, 1.0], 50)) == 0


def test_calibration_error_is_that_of_scikit_learns_curve() -> None:
    random = np.random.default_rng(3)
    probabilities = random.permutation(np.linspace(0.001, 0.999, 500))
    labels = (random.random(500) < probabilities**2).astype(float)
    true, mean = calibration_curve(labels, probabilities, n_bins=10, strategy="quantile")
    assert expected_calibration_error(probabilities, labels) == pytest.approx(
        np.abs(true - mean).mean()
    )


def test_the_interval_of_a_calibration_error_holds_it() -> None:
    random = np.random.default_rng(4)
    probabilities = random.random(300)
    labels = (random.random(300) < probabilities).astype(float)
    sample = Sample(probabilities, labels, Redraws.of(map(str, range(300))))
    figure = calibration_error_interval(sample)
    assert 0 <= figure.low < figure.value < figure.high


def test_images_that_were_not_assessable_are_in_no_column() -> None:
    known = truths([row(True, 0.9), row(True, None), row(False, 0.1)])
    assert list(known.labels) == [1, 0]
    assert list(known.probabilities) == [0.9, 0.1]
