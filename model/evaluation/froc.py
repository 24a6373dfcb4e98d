"""Free-response operating characteristic: fractures hit against false marks an image.

Counted on the judged images on which a mark can be told right from wrong: those that readers boxed,
and those without a fracture. A second mark on a fracture is neither a hit more nor a false mark.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.evaluation.localisation import hits
from model.evaluation.measured import Measured
from model.evaluation.redraws import Redraws, interval
from model.figures import HeldFigure
from model.prediction import Box

Values = NDArray[np.float64]
_ROUNDING = 1e-9
_MOST_POINTS = 400
_PRICES = (0.1, 0.2, 0.3, 0.5, 1.0, 2.0)  # false marks an image
# The score of a fracture that no mark hits.
_MISSED = -1.0


@dataclass(frozen=True, slots=True)
class FrocPoint:
    """What is hit, and at which price, when marks from this score on are shown."""

    score: float
    false_marks_per_image: float
    images_hit: float  # share of the boxed images with a hit
    fractures_hit: float  # share of the readers' boxes


@dataclass(frozen=True, slots=True)
class Froc:
    """A curve thinned to what a drawing can show, and its exact points at some prices."""

    curve: tuple[FrocPoint, ...]
    at: tuple[tuple[float, FrocPoint | None], ...]  # false marks an image, at most


@dataclass(frozen=True, slots=True)
class MarkScores:
    """The scores at which each image is hit, each fracture is hit and each false mark appears."""

    image_hit: Values  # [images]; not a number where there is no fracture
    fracture_hit: Values  # [fractures]
    false: Values  # [false marks], falling
    false_image: NDArray[np.intp]  # [false marks]: which image

    @property
    def boxed(self) -> NDArray[np.bool_]:
        return ~np.isnan(self.image_hit)


def localisable(one: Measured) -> bool:
    """Whether a mark on this image can be told right from wrong."""
    return one.judged and (bool(one.image.boxes) or not one.image.fractured)


def score_marks(
    images: Sequence[Measured], marks_of: Callable[[Measured], Sequence[Box]]
) -> MarkScores:
    """Images must be localisable."""
    image_hit, fracture_hit = np.full(len(images), np.nan), []
    false: list[tuple[float, int]] = []
    for number, one in enumerate(images):
        marks, true = marks_of(one), one.image.boxes
        best = [max((m.score for m in marks if hits(m, box)), default=_MISSED) for box in true]
        fracture_hit += best
        image_hit[number] = max(best, default=np.nan)
        false += [(m.score, number) for m in marks if not any(hits(m, box) for box in true)]
    false.sort(reverse=True)
    return MarkScores(
        image_hit,
        np.array(fracture_hit, dtype=np.float64),
        np.array([score for score, _ in false], dtype=np.float64),
        np.array([number for _, number in false], dtype=np.intp),
    )


def froc_curve(marks: MarkScores) -> tuple[FrocPoint, ...]:
    """A point for each score that a mark has, from the strictest on."""
    scores = np.unique(np.concatenate([marks.false, marks.fracture_hit]))[::-1]
    scores = scores[scores > _MISSED]
    false = _count_from(marks.false, scores) / len(marks.image_hit)
    hit = marks.image_hit[marks.boxed]
    images_hit = _count_from(hit, scores) / len(hit)
    fractures_hit = _count_from(marks.fracture_hit, scores) / len(marks.fracture_hit)
    columns = zip(scores, false, images_hit, fractures_hit, strict=True)
    return tuple(FrocPoint(*(round(float(value), 4) for value in point)) for point in columns)


def summarise_froc(curve: tuple[FrocPoint, ...]) -> Froc:
    kept = np.linspace(0, len(curve) - 1, min(len(curve), _MOST_POINTS)).round().astype(int)
    return Froc(tuple(curve[at] for at in kept), tuple((n, _loosest(curve, n)) for n in _PRICES))


def _loosest(curve: tuple[FrocPoint, ...], false_marks: float) -> FrocPoint | None:
    """The last point of the curve that keeps the number of false marks an image."""
    kept = [point for point in curve if point.false_marks_per_image <= false_marks]
    return kept[-1] if kept else None


def _count_from(values: Values, scores: Values) -> Values:
    """How many of the values reach each score."""
    below = np.searchsorted(np.sort(values), scores, side="left")
    return np.asarray(len(values) - below, dtype=np.float64)


def images_hit_at(marks: MarkScores, false_marks: float, redraws: Redraws) -> HeldFigure:
    """The share of boxed images hit where there are at most so many false marks an image."""

    def share(weights: Values) -> Values:
        return _images_hit(marks, weights, false_marks)

    value = float(share(np.ones((1, len(marks.image_hit))))[0])
    redrawn = redraws.each(share, width=len(marks.false))
    return HeldFigure(held=false_marks, reached=interval(value, redrawn))


def _images_hit(marks: MarkScores, weights: Values, false_marks: float) -> Values:
    allowed = false_marks * weights.sum(axis=1, keepdims=True) + _ROUNDING
    kept = (np.cumsum(weights[:, marks.false_image], axis=1) <= allowed).sum(axis=1)
    # Only marks above the first false mark too many are shown.
    above = np.append(marks.false, _MISSED)[kept]
    boxed = weights[:, marks.boxed]
    shown = marks.image_hit[marks.boxed] > above[:, None]
    return np.asarray((boxed * shown).sum(axis=1) / boxed.sum(axis=1))
