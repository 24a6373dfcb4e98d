"""Whether a radiograph can be judged at all, from its own pixels and before any network sees it.

What is judged is the picture as it would be shown, after its window: how the detector was exposed
cannot be told from it, and a faint picture is stretched before the network sees it. So only what no
stretching brings back counts here: detail that is not there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from model.radiograph import Radiograph
from model.shrinking import shrink
from model.surroundings import mean_around

Grey = NDArray[np.float32]  # [rows, columns], 0..1
Mask = NDArray[np.bool_]


class Grade(StrEnum):
    """What a problem means for the answer."""

    NOT_ASSESSABLE = "not assessable"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class QualityProblem:
    """What is wrong with the image, as a person reads it."""

    grade: Grade
    reason: str


@dataclass(frozen=True, slots=True)
class Quality:
    """What was measured of one image; shares are of its pixels, 0..1."""

    rows: int
    columns: int
    contrast: float  # between its dark and its bright parts, of the shown range
    grey_levels: int  # as many of 256 steps of that contrast as are in use
    midtones: float  # share that is neither black nor white
    likeness: float  # how well a pixel of the thumbnail foretells its neighbour, up to 1
    sharpness: float  # steepest edges in the least sharp direction, against their surroundings
    white: float  # share of burnt-out places that do not reach the image's edge
    black: float  # likewise


# Of 2,978 radiographs of FracAtlas none is refused and six have a note: docs/quality.md.
_SMALLEST_SIDE, _SMALL_SIDE = 64, 128  # pixels
_LEAST_CONTRAST = 0.02
_FEWEST_LEVELS, _FEW_LEVELS = 16, 32
_LEAST_MIDTONES, _FEW_MIDTONES = 0.02, 0.1
_NOISE_LIKENESS, _NOISY_LIKENESS = 0.6, 0.8
_BLURRED, _SOFT = 0.5, 0.65
_CLIPPED_SHARE = 0.1

_SAMPLE_SIDE, _THUMBNAIL_SIDE, _COARSE_SIDE = 1024, 256, 64
_DARK_SHARE, _BRIGHT_SHARE = 0.005, 0.995
_BLACK, _WHITE = 0.05, 0.95  # of the stretched picture
_BURNT_OUT = 0.5 / 255  # from either end of the shown range
_LEVEL_SHARE = 0.0005
_SURROUNDINGS = 17  # pixels of the thumbnail
_FAINT_EDGE = 0.03
_EDGE_SHARE = 0.001
# A moved picture keeps its edges across the movement's direction alone: all round, in pixels.
_DIRECTIONS = ((0, 1), (1, 2), (1, 1), (2, 1), (1, 0), (2, -1), (1, -1), (1, -2))


def assess_quality(radiograph: Radiograph) -> tuple[QualityProblem, ...]:
    """What speaks against judging the image, the worst first; nothing for nearly every image."""
    problems = _problems(measure_quality(radiograph))
    return tuple(sorted(problems, key=lambda problem: problem.grade is Grade.NOTE))


def measure_quality(radiograph: Radiograph) -> Quality:
    """All measures of one image, on thumbnails of it."""
    pixels = radiograph.pixels
    thumbnail = _thumbnail(pixels)
    dark, bright = (float(end) for end in np.quantile(thumbnail, [_DARK_SHARE, _BRIGHT_SHARE]))
    contrast = max(bright - dark, _LEAST_CONTRAST)
    stretched = np.clip((thumbnail - dark) / contrast, 0, 1)
    coarse = _every(pixels, _COARSE_SIDE)
    return Quality(
        rows=pixels.shape[0],
        columns=pixels.shape[1],
        contrast=bright - dark,
        grey_levels=_count_levels(
            np.clip((_every(pixels, _THUMBNAIL_SIDE) - dark) / contrast, 0, 1)
        ),
        midtones=float(((stretched > _BLACK) & (stretched < _WHITE)).mean()),
        likeness=_likeness(stretched),
        sharpness=_sharpness(stretched),
        white=_enclosed_share(coarse >= 1 - _BURNT_OUT),
        black=_enclosed_share(coarse <= _BURNT_OUT),
    )


def _problems(quality: Quality) -> Iterator[QualityProblem]:
    """Nothing more is said of an image that is too small or blank: there is nothing to measure."""
    size = f"{quality.columns} × {quality.rows} pixels"
    if min(quality.rows, quality.columns) < _SMALLEST_SIDE:
        yield _refusal(f"the image is too small ({size}) to be assessed")
        return
    if quality.contrast < _LEAST_CONTRAST:
        yield _refusal("the image is blank: it shows next to no contrast")
        return
    if min(quality.rows, quality.columns) < _SMALL_SIDE:
        yield _note(f"the image is small ({size})")
    yield from _exposure_problems(quality)
    yield from _detail_problems(quality)


def _exposure_problems(quality: Quality) -> Iterator[QualityProblem]:
    levels, between = quality.grey_levels, quality.midtones
    if levels < _FEWEST_LEVELS:
        yield _refusal(f"the image holds only {levels} grey levels: its exposure left no detail")
    elif between < _LEAST_MIDTONES:
        yield _refusal("nearly all of the image is plain black or white")
    elif levels < _FEW_LEVELS:
        yield _note(f"the image holds only {levels} grey levels")
    elif between < _FEW_MIDTONES:
        yield _note(f"only {100 * between:.0f} % of the image is neither black nor white")
    if quality.white > _CLIPPED_SHARE:
        yield _note(f"{100 * quality.white:.0f} % of the image is burnt out to plain white")
    if quality.black > _CLIPPED_SHARE:
        yield _note(f"{100 * quality.black:.0f} % of the image is cut off to plain black")


def _detail_problems(quality: Quality) -> Iterator[QualityProblem]:
    if quality.likeness < _NOISE_LIKENESS:
        yield _refusal("the image is mostly noise")
    elif quality.likeness < _NOISY_LIKENESS:
        yield _note("the image is noisy")
    if quality.sharpness < _BLURRED:
        yield _refusal("the image is blurred: it shows no sharp edge, or none along one direction")
    elif quality.sharpness < _SOFT:
        yield _note("the image is soft: it shows few sharp edges")


def _refusal(reason: str) -> QualityProblem:
    return QualityProblem(Grade.NOT_ASSESSABLE, reason)


def _note(reason: str) -> QualityProblem:
    return QualityProblem(Grade.NOTE, reason)


def _thumbnail(pixels: Grey) -> Grey:
    """Averaged, so that only what the network can see counts; a small image as it is."""
    # Averaging all of a large image would cost most of it.
    return shrink(_every(pixels, _SAMPLE_SIDE), _THUMBNAIL_SIDE)


def _every(pixels: Grey, side: int) -> Grey:
    """Single pixels, as they are: averages would hide clipping and invent grey levels."""
    step = max(1, max(pixels.shape) // side)
    return pixels[::step, ::step]


def _count_levels(grey: Grey) -> int:
    counts = np.bincount(np.rint(grey * 255).astype(np.intp).ravel(), minlength=256)
    return int((counts >= max(1.0, _LEVEL_SHARE * grey.size)).sum())


def _likeness(grey: Grey) -> float:
    """Correlation of neighbours in the direction where it is weaker: 0 for white noise."""
    spread = 2 * float(grey.var())
    if min(grey.shape) < 2 or spread == 0:
        return 1.0
    return min(1 - float(np.square(np.diff(grey, axis=axis)).mean()) / spread for axis in (0, 1))


def _sharpness(grey: Grey) -> float:
    """How suddenly grey changes at the steepest places, in the direction where it does least."""
    if min(grey.shape) < _SURROUNDINGS:
        return float("inf")
    weight = np.asarray(1 / (_deviation(grey) + _FAINT_EDGE), np.float32)
    return min(_steepest(grey, weight, down, right) for down, right in _DIRECTIONS)


def _steepest(grey: Grey, weight: Grey, down: int, right: int) -> float:
    """Second differences along one direction against the contrast around: the highest of them."""
    if right < 0:
        grey, weight, right = grey[:, ::-1], weight[:, ::-1], -right
    bend = _shifted(grey, 0, down, right) + _shifted(grey, 2, down, right)
    bend -= 2 * _shifted(grey, 1, down, right)
    np.abs(bend, out=bend)
    bend *= _shifted(weight, 1, down, right)
    top = max(1, round(_EDGE_SHARE * bend.size))
    return float(np.partition(bend.ravel(), -top)[-top] / np.hypot(down, right))


def _shifted(grey: Grey, step: int, down: int, right: int) -> Grey:
    """So much of the picture that it can be moved by up to two such steps, moved by some."""
    rows, columns = grey.shape[0] - 2 * down, grey.shape[1] - 2 * right
    return grey[step * down : step * down + rows, step * right : step * right + columns]


def _deviation(grey: Grey) -> Grey:
    """Standard deviation in the square around each pixel."""
    mean = mean_around(grey, _SURROUNDINGS)
    square = mean_around(np.square(grey, dtype=np.float64), _SURROUNDINGS)
    return np.asarray(np.sqrt(np.maximum(square - mean * mean, 0)), np.float32)


def _enclosed_share(marked: Mask) -> float:
    """The marked share without what marked ways join to the edge: borders and background."""
    reached = marked.copy()
    reached[1:-1, 1:-1] = False
    if reached.sum() == marked.sum():
        return 0.0
    for _ in range(3):  # a way that bends more often than this is not found: too many are enclosed
        for joined, ground in zip(_turned(reached), _turned(marked), strict=True):
            for line in range(1, len(joined)):
                joined[line] |= joined[line - 1] & ground[line]
    return float((marked & ~reached).mean())


def _turned(mask: Mask) -> tuple[Mask, Mask, Mask, Mask]:
    """Views of one mask, read from each side."""
    return mask, mask[::-1], mask.T, mask.T[::-1]
