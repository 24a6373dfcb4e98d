"""The drawings of a report, of what was measured."""

import math
from collections.abc import Sequence

from model.drawing import HEIGHT, SHARES, WIDTH, Axis, Bar, Chart, Line, Marker, Points
from model.evaluation.curves import Histogram
from model.evaluation.evaluation import Evaluation
from model.evaluation.froc import FrocPoint
from model.evaluation.summary import HELD_FALSE_MARKS
from model.evaluation.thresholds import positive_predictive_value

__all__ = ["HEIGHT", "WIDTH", "charts"]

_MOST_FALSE_MARKS = 2.0


def charts(evaluation: Evaluation) -> list[Chart]:
    """Those that can be drawn of what was measured."""
    drawn = [histogram_chart(evaluation.curves.histogram)]
    if evaluation.curves.roc:
        curves = (roc_chart(evaluation), precision_recall_chart(evaluation))
        drawn = [*curves, reliability_chart(evaluation), *drawn]
    return [*drawn, froc_chart(evaluation)] if evaluation.froc else drawn


def roc_chart(evaluation: Evaluation) -> Chart:
    return Chart(
        title="ROC",
        about="Sensitivity against the share of images without a fracture that are called.",
        x=Axis("1 − specificity", SHARES),
        y=Axis("sensitivity", SHARES),
        lines=(
            Line(((0, 0), (1, 1)), "guide"),
            Line(((0, 0), *evaluation.curves.roc), "first"),
        ),
        markers=tuple(
            Marker(1 - specificity, sensitivity, name)
            for name, sensitivity, specificity in _at_points(evaluation)
        ),
    )


def precision_recall_chart(evaluation: Evaluation) -> Chart:
    figures = evaluation.figures
    prevalence = figures.fractured / figures.images
    markers = [
        Marker(sensitivity, value, name)
        for name, sensitivity, specificity in _at_points(evaluation)
        if (value := positive_predictive_value(sensitivity, specificity, prevalence)) is not None
    ]
    return Chart(
        title="Precision and recall",
        about=f"Of the images measured, {100 * prevalence:.0f} % are fractured (grey line).",
        x=Axis("recall (sensitivity)", SHARES),
        y=Axis("precision", SHARES),
        lines=(
            Line(((0, prevalence), (1, prevalence)), "guide"),
            Line(evaluation.curves.precision_recall, "first"),
        ),
        markers=tuple(markers),
    )


def reliability_chart(evaluation: Evaluation) -> Chart:
    return Chart(
        title="Calibration",
        about="Ten bins of equal count; on the grey line a probability is what comes true.",
        x=Axis("mean probability", SHARES),
        y=Axis("share fractured", SHARES),
        lines=(
            Line(((0, 0), (1, 1)), "guide"),
            Line(evaluation.curves.reliability, "first", dotted=True),
        ),
    )


def histogram_chart(histogram: Histogram) -> Chart:
    """Counts on a logarithmic scale, fractured images beside the others."""
    most = max(*histogram.others, *histogram.fractured)
    powers = range(max(1, math.ceil(math.log10(most + 1))) + 1)
    ticks = (0.0, *(math.log10(1 + 10**power) for power in powers))
    return Chart(
        title="Probabilities",
        about="How many images have which probability; the scale of counts is logarithmic.",
        x=Axis("probability", SHARES),
        y=Axis("images", ticks, ("0", *(str(10**power) for power in powers))),
        bars=tuple(_bars(histogram)),
        legend=(("second", "fractured"), ("first", "not fractured")),
    )


def _bars(histogram: Histogram) -> list[Bar]:
    """Two for each bin, from the bottom up: stacked, a logarithmic scale would lie."""
    width = 1 / len(histogram.others)
    bars = [
        Bar((at + start) * width, (at + start + 0.42) * width, math.log10(1 + count), look)
        for counts, start, look in (
            (histogram.others, 0.06, "first"),
            (histogram.fractured, 0.52, "second"),
        )
        for at, count in enumerate(counts)
    ]
    return [bar for bar in bars if bar.height > 0]


def froc_chart(evaluation: Evaluation) -> Chart:
    looks = dict(zip(evaluation.froc, ("first", "second"), strict=False))
    lines = [
        Line(_froc_points(froc.curve), looks[name], name) for name, froc in evaluation.froc.items()
    ]
    guide = Line(((HELD_FALSE_MARKS, 0), (HELD_FALSE_MARKS, 1)), "guide")
    return Chart(
        title="FROC",
        about=(
            f"Fractured images with a hit against false marks; the grey line is at "
            f"{HELD_FALSE_MARKS} false marks an image."
        ),
        x=Axis("false marks per image", (0, 0.5, 1, 1.5, _MOST_FALSE_MARKS)),
        y=Axis("share of boxed images hit", SHARES),
        lines=(guide, *lines),
        legend=tuple((looks[name], name) for name in evaluation.froc),
    )


def _froc_points(points: Sequence[FrocPoint]) -> Points:
    """Up to the right edge of the drawing; the last point is drawn on to it."""
    shown = [(p.false_marks_per_image, p.images_hit) for p in points]
    inside = [point for point in shown if point[0] <= _MOST_FALSE_MARKS]
    return ((0.0, 0.0), *inside)


def _at_points(evaluation: Evaluation) -> list[tuple[str, float, float]]:
    """Name, sensitivity and specificity of each operating point."""
    named = [row for row in evaluation.thresholds if row.name is not None]
    return [(str(row.name), row.sensitivity, row.specificity) for row in named]
