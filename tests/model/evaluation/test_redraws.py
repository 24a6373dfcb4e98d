"""A redraw by weights is the figure of the images drawn, and groups are drawn whole."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from model.evaluation.measured import truths
from model.evaluation.metrics import Sample, auroc, auroc_interval
from model.evaluation.ranked import Ranking
from model.evaluation.redraws import Redraws, interval, mean_interval
from model.evaluation.summary import summarise
from tests.model.evaluation.made_rows import POINTS, many_rows

ONE = st.tuples(st.integers(0, 5), st.booleans(), st.integers(0, 3))
WEIGHTED = st.lists(ONE, min_size=4, max_size=40).filter(
    lambda rows: {label for _, label, weight in rows if weight} == {True, False}
)


@given(WEIGHTED)
@settings(deadline=None)
def test_a_weighting_gives_scikit_learns_figures(rows: list[tuple[int, bool, int]]) -> None:
    scores, labels, weights = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    ranking = Ranking(scores, labels)
    one = weights[None]
    assert ranking.auroc(one)[0] == pytest.approx(
        roc_auc_score(labels, scores, sample_weight=weights)
    )
    assert ranking.average_precision(one)[0] == pytest.approx(
        average_precision_score(labels, scores, sample_weight=weights)
    )
    called, right, _ = roc_curve(labels, scores, sample_weight=weights, drop_intermediate=False)
    assert ranking.sensitivity_at_specificity(one, 0.7)[0] == pytest.approx(
        right[called <= 0.3 + 1e-9].max()
    )
    assert ranking.specificity_at_sensitivity(one, 0.7)[0] == pytest.approx(
        1 - called[right >= 0.7 - 1e-9].min()
    )


def test_a_weighting_without_a_class_has_no_figure() -> None:
    ranking = Ranking(np.array([0.9, 0.1]), np.array([1.0, 0.0]))
    weights = np.array([[1.0, 0.0], [1.0, 1.0]])
    with np.errstate(invalid="ignore", divide="ignore"):
        assert np.isnan(ranking.auroc(weights)[0])
        assert np.isnan(ranking.sensitivity_at_specificity(weights, 0.5)[0])
        assert ranking.auroc(weights)[1] == 1


def test_a_redraw_draws_whole_groups_and_as_many_as_there_are() -> None:
    redraws = Redraws.of(["a", "b", "a", "c"])
    weights = redraws.each(lambda block: block)
    assert weights.shape == (1000, 4)
    assert (weights[:, 0] == weights[:, 2]).all()
    assert (weights[:, 0] + weights[:, 1] + weights[:, 3] == 3).all()
    assert weights.mean() == pytest.approx(1, abs=0.1)


def test_the_interval_of_a_mean_is_that_of_theory() -> None:
    values = np.random.default_rng(0).normal(0, 1, 400)
    figure = mean_interval(values, Redraws.of(map(str, range(400))))
    half = 1.96 * values.std() / 20
    assert figure.low == pytest.approx(values.mean() - half, abs=0.015)
    assert figure.high == pytest.approx(values.mean() + half, abs=0.015)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    redraws, values = Redraws.of(map(str, range(50))), np.arange(50.0)
    whole = mean_interval(values, redraws)
    monkeypatch.setattr("model.evaluation.redraws._BLOCK", 120)
    assert mean_interval(values, redraws) == whole


def test_redraws_without_a_figure_are_left_out() -> None:
    assert interval(0.5, np.array([0.4, np.nan, 0.6])).low == pytest.approx(0.4, abs=0.01)


def test_the_interval_is_wider_when_images_come_in_groups() -> None:
    random = np.random.default_rng(1)
    groups = np.repeat(np.arange(12), 20)
    labels = (random.random(240) < 0.4).astype(float)
    scores = labels + random.normal(0, 1, 12)[groups] + random.normal(0, 0.3, 240)
    grouped = auroc_interval(Sample(scores, labels, Redraws.of(map(str, groups))))
    lone = auroc_interval(Sample(scores, labels, Redraws.of(map(str, range(240)))))
    assert grouped is not None
    assert lone is not None
    assert grouped.low <= auroc(scores, labels) <= grouped.high
    assert grouped.high - grouped.low > lone.high - lone.low


def test_some_of_the_images_are_in_the_same_redraws() -> None:
    known = truths(many_rows(40, groups=10))
    sample = Sample.of(known)
    rows = known.labels > 0
    together = sample.redraws.each(lambda weights: weights[:, rows])
    assert (sample.only(rows).redraws.each(lambda weights: weights) == together).all()


def test_a_thousand_redraws_of_every_figure_are_quick() -> None:
    measured = many_rows(500)
    started = time.process_time()  # of this process: other work on the machine does not count
    summarise(measured, POINTS, "a test")
    assert time.process_time() - started < 10
