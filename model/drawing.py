"""Drawings with two axes: where their lines lie, for a template to write as SVG.

Written by hand rather than by a plotting library, so that the page's one style sheet gives them
their colours, dark and light, and no style attribute is needed.
"""

from dataclasses import dataclass

Points = tuple[tuple[float, float], ...]
_LEFT, _TOP, _RIGHT, _BOTTOM = 46, 10, 408, 292  # of the plot, in the drawing's units
WIDTH, HEIGHT = 420, 336
SHARES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


@dataclass(frozen=True, slots=True)
class Axis:
    """What is measured along an axis, and where its ticks are."""

    label: str
    ticks: tuple[float, ...]  # the first and the last are the axis's ends
    words: tuple[str, ...] = ()  # written at the ticks, if not the numbers

    def share(self, value: float) -> float:
        """How far along the axis a value lies, within 0 and 1."""
        low, high = self.ticks[0], self.ticks[-1]
        return min(max((value - low) / (high - low), 0.0), 1.0)

    def labelled(self) -> list[tuple[float, str]]:
        words = self.words or tuple(f"{tick:g}" for tick in self.ticks)
        return list(zip(self.ticks, words, strict=True))


@dataclass(frozen=True, slots=True)
class Line:
    """Points joined by a line; `look` is its class in the style sheet."""

    points: Points
    look: str
    name: str = ""  # for the legend
    dotted: bool = False  # each point gets a dot


@dataclass(frozen=True, slots=True)
class Marker:
    """A named point of the plot."""

    x: float
    y: float
    name: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar from the bottom of the plot."""

    x0: float
    x1: float
    height: float  # in the units of the axis
    look: str


@dataclass(frozen=True, slots=True)
class Chart:
    """One drawing with its axes."""

    title: str
    about: str  # a sentence beside the drawing: what it shows
    x: Axis
    y: Axis
    lines: tuple[Line, ...] = ()
    markers: tuple[Marker, ...] = ()
    bars: tuple[Bar, ...] = ()
    legend: tuple[tuple[str, str], ...] = ()  # look and name

    def across(self, value: float) -> float:
        return round(_LEFT + (_RIGHT - _LEFT) * self.x.share(value), 1)

    def down(self, value: float) -> float:
        return round(_BOTTOM - (_BOTTOM - _TOP) * self.y.share(value), 1)

    def path(self, line: Line) -> str:
        """The points attribute of a polyline."""
        return " ".join(f"{self.across(x)},{self.down(y)}" for x, y in line.points)
