"""What the classifier says about one image."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


class State(StrEnum):
    """Which side of the two operating points the probability falls on, if there is one."""

    FRACTURE = "fracture"
    POSSIBLE = "possible"
    NONE = "none"
    NOT_ASSESSABLE = "not_analysed"


@dataclass(frozen=True, slots=True)
class Box:
    """A suspicious place in stored pixels; the far edges are exclusive."""

    x0: float
    y0: float
    x1: float
    y1: float
    score: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """Absent knowledge is None: not every network tells everything."""

    state: State | None  # None: the network does not tell fractured from whole
    probability: float | None  # calibrated; None: not assessable, or not told
    logit: float | None  # before calibration
    region: str | None
    region_probability: float | None
    boxes: tuple[Box, ...]
    heatmap: NDArray[np.float32] | None  # [h, w] in 0..1, over the whole image
    frame: int | None
    model_name: str
    model_version: str
    reason: str | None = None  # why the image is not assessable
    regions: dict[str, float] = field(default_factory=dict)  # probability of each
    hardware_probability: float | None = None
    fracture_type: str | None = None  # only above its own operating point
    type_probability: float | None = None
    types: dict[str, float] = field(default_factory=dict)  # probability of each
    severity: str | None = None
    notes: tuple[str, ...] = ()  # what makes the answer less sure, in plain words


def most_suspicious(predictions: Sequence[Prediction]) -> Prediction:
    """Of a multi-frame image's predictions the one that stands for it: the first of the highest."""
    return max(predictions, key=lambda one: -1.0 if one.probability is None else one.probability)
