"""The model page's drawings."""

from collections.abc import Callable, Mapping, Sequence

from db.drift import BINS, Mix
from model.card import Card
from model.drawing import SHARES, Axis, Bar, Chart, Line, Marker
from model.measured_curves import AtThreshold, MeasuredCurves
from web.classifier.drift import before_and_now

Say = Callable[[str], str]


def measured_charts(curves: MeasuredCurves, card: Card, say: Say) -> list[Chart]:
    """ROC, precision and recall, calibration."""
    points = _operating_points(curves, card, say)
    prevalence = curves.fractured / curves.images
    return [
        Chart(
            title=say("ROC"),
            about=say("Sensitivity against the share of whole images that are called."),
            x=Axis(say("1 − specificity"), SHARES),
            y=Axis(say("sensitivity"), SHARES),
            lines=(Line(((0, 0), (1, 1)), "guide"), Line(((0, 0), *curves.roc), "first")),
            markers=tuple(Marker(1 - at.specificity, at.sensitivity, name) for name, at in points),
        ),
        Chart(
            title=say("Precision and recall"),
            about=say("The grey line is the share of fractured images among those measured."),
            x=Axis(say("recall (sensitivity)"), SHARES),
            y=Axis(say("precision"), SHARES),
            lines=(
                Line(((0, prevalence), (1, prevalence)), "guide"),
                Line(curves.precision_recall, "first"),
            ),
        ),
        Chart(
            title=say("Calibration"),
            about=say("On the grey line a probability is what comes true."),
            x=Axis(say("mean probability"), SHARES),
            y=Axis(say("share fractured"), SHARES),
            lines=(
                Line(((0, 0), (1, 1)), "guide"),
                Line(curves.reliability, "first", dotted=True),
            ),
        ),
    ]


def _operating_points(
    curves: MeasuredCurves, card: Card, say: Say
) -> list[tuple[str, AtThreshold]]:
    points = card.operating_points
    named = ((say("possible"), points.sensitive), (say("fracture"), points.specific))
    return [
        (name, min(curves.thresholds, key=lambda at: abs(at.probability - point.probability)))
        for name, point in named
    ]


def rate_chart(mixes: Mapping[str, Sequence[Mix]], title: str, about: str, rate: str) -> Chart:
    """A line for each sender over the weeks; weeks without images break nothing, they are left out.

    `rate` names a count of Mix: positive (of those analysed) or not_analysed (of all).
    """
    weeks = max((len(mix) for mix in mixes.values()), default=2)
    names = tuple(str(number - weeks + 1) for number in range(weeks))
    lines, legend = [], []
    for source, look in zip(mixes, ("first", "second", "third", "fourth"), strict=False):
        points = tuple(_rates(mixes[source], rate))
        lines.append(Line(points, look, source, dotted=True))
        legend.append((look, source))
    return Chart(
        title=title,
        about=about,
        x=Axis("", tuple(float(number) for number in range(weeks)), names),
        y=Axis("", SHARES),
        lines=tuple(lines),
        legend=tuple(legend),
    )


def _rates(weeks: Sequence[Mix], rate: str) -> list[tuple[float, float]]:
    points = []
    for number, mix in enumerate(weeks):
        of = mix.analysed if rate == "positive" else mix.images
        if of:
            points.append((float(number), getattr(mix, rate) / of))
    return points


def histogram_chart(weeks: Sequence[Mix], title: str, about: str, names: tuple[str, str]) -> Chart:
    """Shares of the probabilities in twentieths: the last week's beside those before."""
    before, now = before_and_now(weeks)
    bars = []
    for mix, start, look in ((before, 0.06, "second"), (now, 0.52, "first")):
        total = sum(mix.bins) or 1
        bars += [
            Bar((at + start) / BINS, (at + start + 0.42) / BINS, images / total, look)
            for at, images in enumerate(mix.bins)
            if images
        ]
    return Chart(
        title=title,
        about=about,
        x=Axis("", SHARES),
        y=Axis("", SHARES),
        bars=tuple(bars),
        legend=(("second", names[0]), ("first", names[1])),
    )
