"""How grave a suspected fracture looks: a rule of thumb in three steps, and never a measurement.

docs/severity.md explains the rule. No data set at hand tells how grave a fracture is, so nothing
here was learned or tested against readers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from model.prediction import Box, State
from model.radiograph import Radiograph
from model.shrinking import shrink
from model.surroundings import mean_around

Mask = NDArray[np.bool_]


class Level(StrEnum):
    """From the lightest to the gravest."""

    MILD = "mild"
    MODERATE = "moderate"
    SEVERE = "severe"


@dataclass(frozen=True, slots=True)
class SeverityEvidence:
    """All that the estimate rests on."""

    state: State | None
    fracture_type: str | None  # told by the network above its own operating point, or None
    marks: int  # separate boxes
    extent: float | None  # share of the bone field that they cover, 0..1; None: not to be had


@dataclass(frozen=True, slots=True)
class Severity:
    """The level, and why, in plain words."""

    level: Level
    reasons: tuple[str, ...]


_LEVELS = tuple(Level)
# An incomplete break stays in line; a comminuted or dislocated one hardly ever does. Displacement
# counts by the type alone: no cue of it in the picture stood its test.
_LEAST_OF_TYPE = {
    "hairline": Level.MILD,
    "greenstick": Level.MILD,
    "avulsion": Level.MODERATE,
    "impacted": Level.MODERATE,
    "longitudinal": Level.MODERATE,
    "oblique": Level.MODERATE,
    "pathological": Level.MODERATE,
    "spiral": Level.MODERATE,
    "comminuted": Level.SEVERE,
    "fracture_dislocation": Level.SEVERE,
}
_MOST_OF_TYPE = {"hairline": Level.MODERATE, "greenstick": Level.MODERATE}
# Of the classifier's own marks, for its boxes are larger than readers': of the fractures of
# FracAtlas one in eight is wide, one in twenty-four very wide.
_WIDE_EXTENT, _WIDEST_EXTENT = 0.2, 0.3
_MANY_MARKS, _MOST_MARKS = 2, 4
_STEPS_TO_SEVERE = 3

_BONE_SIDE, _NEIGHBOURHOOD = 128, 33  # pixels of the thumbnail
_GREY_STEPS = 64
_FAINTEST = 1e-6


def estimate_severity(evidence: SeverityEvidence) -> Severity | None:
    """By type, extent and number; None where no fracture is suspected or nothing tells of it."""
    if evidence.state not in (State.FRACTURE, State.POSSIBLE):
        return None
    if evidence.fracture_type is None and evidence.marks == 0:
        return None
    reasons = (*_of_type(evidence), *_of_extent(evidence), *_of_number(evidence))
    return Severity(_level(evidence), reasons)


def _level(evidence: SeverityEvidence) -> Level:
    steps = _extent_steps(evidence.extent) + _number_steps(evidence.marks)
    by_size = Level.MILD if steps == 0 else Level.MODERATE
    if steps >= _STEPS_TO_SEVERE:
        by_size = Level.SEVERE
    least = _LEAST_OF_TYPE.get(evidence.fracture_type or "", Level.MILD)
    most = _MOST_OF_TYPE.get(evidence.fracture_type or "", Level.SEVERE)
    return min(max(by_size, least, key=_LEVELS.index), most, key=_LEVELS.index)


def _extent_steps(extent: float | None) -> int:
    return 0 if extent is None else (extent >= _WIDE_EXTENT) + (extent >= _WIDEST_EXTENT)


def _number_steps(marks: int) -> int:
    return (marks >= _MANY_MARKS) + (marks >= _MOST_MARKS)


def _of_type(evidence: SeverityEvidence) -> Sequence[str]:
    named = evidence.fracture_type
    if named is None:
        return ["fracture type not told"]
    words = f"type {named.replace('_', ' ')}"
    if named in _MOST_OF_TYPE:
        return [f"{words}: at most {_MOST_OF_TYPE[named]}"]
    if named in _LEAST_OF_TYPE:
        return [f"{words}: at least {_LEAST_OF_TYPE[named]}"]
    return [f"{words}: not known to the estimate"]


def _of_extent(evidence: SeverityEvidence) -> Sequence[str]:
    if evidence.extent is None:
        return ["extent not told"]
    words = ("an ordinary", "a wide", "a very wide")[_extent_steps(evidence.extent)]
    return [f"{words} part of the bone field is marked (about {100 * evidence.extent:.0f} %)"]


def _of_number(evidence: SeverityEvidence) -> Sequence[str]:
    places = "place" if evidence.marks == 1 else "places"
    return [f"{evidence.marks} suspicious {places}"]


def gather_evidence(
    radiograph: Radiograph, state: State | None, boxes: Sequence[Box], fracture_type: str | None
) -> SeverityEvidence:
    """What is known of one image."""
    extent = marked_extent(radiograph, boxes) if boxes else None
    return SeverityEvidence(state, fracture_type, len(boxes), extent)


def marked_extent(radiograph: Radiograph, boxes: Sequence[Box]) -> float | None:
    """The boxes' share of the bone field and themselves, 0..1; None without any bone field."""
    bone = bone_field(radiograph)
    marked = np.zeros_like(bone)
    down, across = np.divide(bone.shape, radiograph.pixels.shape)
    for box in boxes:
        rows = slice(int(box.y0 * down), max(int(np.ceil(box.y1 * down)), int(box.y0 * down) + 1))
        marked[rows, int(box.x0 * across) : int(np.ceil(box.x1 * across))] = True
    return float(marked.sum() / (bone | marked).sum()) if bone.any() else None


def bone_field(radiograph: Radiograph) -> Mask:
    """A rough mask of the bones on a thumbnail: inside the body, brighter than what is around."""
    grey = shrink(radiograph.pixels, _BONE_SIDE)
    if np.ptp(grey) == 0:
        return np.zeros(grey.shape, np.bool_)
    body = grey > _background_end(grey)
    share = mean_around(body.astype(np.float32), _NEIGHBOURHOOD)
    around = mean_around(np.where(body, grey, 0), _NEIGHBOURHOOD) / np.maximum(share, _FAINTEST)
    return np.asarray(body & (grey > around))


def _background_end(grey: NDArray[np.float32]) -> float:
    """The lower of the two thresholds between which three classes differ most (Otsu 1979)."""
    darkest, spread = float(grey.min()), float(np.ptp(grey))
    steps = np.rint((grey - darkest) / spread * (_GREY_STEPS - 1)).astype(np.intp)
    counts = np.bincount(steps.ravel(), minlength=_GREY_STEPS)
    held = np.concatenate([[0.0], np.cumsum(counts)])
    moment = np.concatenate([[0.0], np.cumsum(counts * np.arange(_GREY_STEPS))])
    low, high = np.triu_indices(_GREY_STEPS, k=1)
    bounds = (0 * low, low, high, 0 * low + _GREY_STEPS)
    between = sum(
        (moment[end] - moment[start]) ** 2 / np.maximum(held[end] - held[start], 1)
        for start, end in pairwise(bounds)
    )
    return darkest + spread * (float(low[np.argmax(between)]) - 0.5) / (_GREY_STEPS - 1)
