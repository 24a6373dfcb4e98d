"""What the classifier says about one image."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


class State(StrEnum):
    """Which side of the two operating points the probability falls on."""

    FRACTURE = "fracture"
    POSSIBLE = "possible"
    NONE = "none"


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
    """Absent knowledge is None: this network tells neither the type nor the severity."""

    state: State
    probability: float  # calibrated
    logit: float  # before calibration
    region: str
    region_probability: float
    boxes: tuple[Box, ...]
    heatmap: NDArray[np.float32]  # [h, w] in 0..1, over the whole image
    frame: int | None
    model_name: str
    model_version: str
    fracture_type: str | None = None
    type_probability: float | None = None
    severity: str | None = None


def most_suspicious(predictions: Sequence[Prediction]) -> Prediction:
    """Of a multi-frame image's predictions the one that stands for it: the first of the highest."""
    return max(predictions, key=lambda prediction: prediction.probability)
