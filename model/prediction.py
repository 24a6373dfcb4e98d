"""What the classifier says about one image."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

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
    unlike: bool = False  # that reason: it is unlike what was learned
    regions: dict[str, float] = field(default_factory=dict)  # probability of each
    hardware_probability: float | None = None
    fracture_type: str | None = None  # only above its own operating point
    type_probability: float | None = None
    types: dict[str, float] = field(default_factory=dict)  # probability of each
    severity: str | None = None
    notes: tuple[str, ...] = ()  # what makes the answer less sure, in plain words


Row = dict[str, Any]
COLUMNS = (
    *("state", "probability", "region", "regions", "hardware_probability", "type"),
    *("type_probability", "severity", "boxes", "notes", "model", "reason"),
)


def row_of(prediction: Prediction) -> Row:
    """What `osteon predict --json` says of it, by COLUMNS; absent knowledge is None."""
    return {
        "state": prediction.state.value if prediction.state else None,
        "probability": prediction.probability,
        "region": prediction.region,
        "regions": prediction.regions or None,
        "hardware_probability": prediction.hardware_probability,
        "type": prediction.fracture_type,
        "type_probability": prediction.type_probability,
        "severity": prediction.severity,
        "boxes": [asdict(box) for box in prediction.boxes],
        "notes": list(prediction.notes),
        "model": f"{prediction.model_name} {prediction.model_version}",
        "reason": prediction.reason,
    }


def row_of_refused(reason: str | None) -> Row:
    """What it says of a file that no network has seen."""
    told: Row = {"state": State.NOT_ASSESSABLE.value, "boxes": [], "notes": [], "reason": reason}
    return dict.fromkeys(COLUMNS) | told


def most_suspicious(predictions: Sequence[Prediction]) -> Prediction:
    """Of a multi-frame image's predictions the one that stands for it: the first of the highest.

    A frame unlike what was learned outranks those that show no fracture: they do not speak for it.
    """
    return max(predictions, key=_suspicion)


_CALLED, _UNKNOWN, _UNSEEN = 2.0, 1.5, -1.0  # above, beside and below every probability


def _suspicion(prediction: Prediction) -> float:
    if prediction.state is State.NOT_ASSESSABLE:
        return _UNKNOWN if prediction.unlike else _UNSEEN
    called = prediction.state in (State.FRACTURE, State.POSSIBLE)
    return (_CALLED if called else 0.0) + (prediction.probability or 0.0)
