"""One row per image: what a classifier said of it beside what is true. Figures are made of rows.

A row may come from any network: `measure` makes rows of a classifier's predictions, and a
cross-validation makes them of the predictions of its folds, each for images its network never saw.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from model.datasets.labelled import LabelledImage
from model.prediction import Box

Values = NDArray[np.float64]
Rows = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Measured:
    """What was said of one image; an answer that the network does not give is empty or None."""

    image: LabelledImage  # what is true of it
    rows: int  # stored pixels
    columns: int
    probability: float | None  # calibrated; None: the image was not assessable
    logit: float | None = None  # before calibration
    reason: str | None = None  # why the image was not assessable
    regions: dict[str, float] = field(default_factory=dict)  # probability of each region
    types: dict[str, float] = field(default_factory=dict)  # probability of each fracture type
    hardware: float | None = None  # probability of screws, plates or nails
    boxes: tuple[Box, ...] = ()  # as they are shown, in stored pixels
    peaks: tuple[Box, ...] | None = None  # places where the heatmap is highest, the first first
    heatmap: NDArray[np.float32] | None = None  # kept only where it is asked for
    seconds: float | None = None  # to read and to judge the image

    @property
    def judged(self) -> bool:
        """Whether the classifier gave an answer."""
        return self.probability is not None


@dataclass(frozen=True, slots=True)
class Truths:
    """The columns of the judged images, row by row: what was said and what is true."""

    logits: Values
    probabilities: Values
    labels: Values
    groups: NDArray[np.str_]


def truths(measured: Iterable[Measured]) -> Truths:
    """Of the judged images only."""
    judged = [one for one in measured if one.judged]
    return Truths(
        logits=np.array([one.logit for one in judged], dtype=np.float64),
        probabilities=np.array([one.probability for one in judged], dtype=np.float64),
        labels=np.array([one.image.fractured for one in judged], dtype=np.float64),
        groups=np.array([one.image.group for one in judged], dtype=np.str_),
    )


def where(measured: Sequence[Measured], told: Callable[[Measured], bool]) -> Rows:
    """A mask of the rows of which it is true."""
    return np.array([told(one) for one in measured], dtype=np.bool_)
