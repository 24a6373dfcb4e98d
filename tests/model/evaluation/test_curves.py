"""What is drawn is what was measured: the points of the curves and where they land."""

import numpy as np
import pytest

from model.drawing import Axis, Chart, Line
from model.evaluation.charts import histogram_chart
from model.evaluation.curves import Histogram, draw_curves, thinned
from model.evaluation.measured import truths
from model.evaluation.metrics import Sample
from tests.model.evaluation.made_rows import rows


def test_curves_of_a_small_sample_by_hand() -> None:
    curves = draw_curves(Sample.of(truths(rows([0.9, 0.5, 0.4], [0.5, 0.1]))))
    assert curves.roc == ((0, 0), (0, 0.3333), (0.5, 0.6667), (0.5, 1), (1, 1))
    assert (0.3333, 1) in curves.precision_recall
    assert (0.6667, 0.6667) in curves.precision_recall
    assert sum(curves.histogram.fractured) == 3
    assert [at for at, count in enumerate(curves.histogram.others) if count] == [2, 10]


def test_reliability_has_bins_of_equal_count() -> None:
    sample = Sample.of(truths(rows([0.9] * 30, [0.1] * 70)))
    points = dict(draw_curves(sample).reliability)
    assert points[0.1] == 0
    assert points[0.9] == 1
    low = [n / 1000 for n in range(90)]
    skewed = draw_curves(Sample.of(truths(rows([0.5] * 10, low)))).reliability
    assert len([mean for mean, _ in skewed if mean < 0.1]) == 9


def test_thinning_keeps_the_ends() -> None:
    points = thinned(np.arange(1000.0), np.arange(1000.0))
    assert len(points) == 400
    assert (points[0], points[-1]) == ((0, 0), (999, 999))


def test_a_chart_puts_points_where_its_axes_say() -> None:
    chart = Chart("t", "", Axis("x", (0, 1, 2)), Axis("y", (0.0, 1.0)))
    corners = chart.path(Line(((0, 0), (2, 1)), "first"))
    assert corners == "46.0,292.0 408.0,10.0"
    assert chart.across(1) == pytest.approx((46 + 408) / 2)
    assert chart.across(5) == 408  # never outside the plot
    assert chart.x.labelled() == [(0, "0"), (1, "1"), (2, "2")]


def test_bars_stand_beside_each_other_and_grow_with_the_count() -> None:
    chart = histogram_chart(Histogram(fractured=(0, 9), others=(99, 9)))
    heights = {(bar.look, round(bar.x0, 2)): bar.height for bar in chart.bars}
    assert heights == pytest.approx(
        {("first", 0.03): 2.0, ("first", 0.53): 1.0, ("second", 0.76): 1.0}
    )
    assert chart.y.ticks[-1] >= 2
