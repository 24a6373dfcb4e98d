"""curves.json: how the classifier did on labelled images at every operating point, to be explored.

It lies beside the artefact's card and is only looked at: what is called a fracture, the card says.
"""

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from model.artefact import ArtefactDamaged
from model.drawing import Points
from model.figures import CardPart

CURVES = "curves.json"


class AtThreshold(CardPart):
    """What calling images from this probability on finds, and leaves alone."""

    probability: float
    sensitivity: float
    specificity: float


class MeasuredCurves(CardPart):
    """Of images that the network never saw; the histograms count them in bins of equal width."""

    images: int
    fractured: int
    note: str  # on which networks and images
    thresholds: tuple[AtThreshold, ...]  # by rising probability, the first of 0
    roc: Points  # 1 − specificity, sensitivity
    precision_recall: Points  # sensitivity, precision
    reliability: Points  # mean probability, share fractured
    histogram_fractured: tuple[int, ...]
    histogram_others: tuple[int, ...]


def read_measured_curves(folder: Path) -> MeasuredCurves | None:
    """Those of the artefact in the folder; None where it has none. Raises ArtefactDamaged."""
    path = folder / CURVES
    if not path.is_file():
        return None
    try:
        return MeasuredCurves.model_validate_json(path.read_bytes())
    except ValidationError as problem:
        raise ArtefactDamaged(f"{path} holds no curves: {problem}") from problem


def write_measured_curves(folder: Path, curves: MeasuredCurves) -> None:
    (folder / CURVES).write_text(curves.model_dump_json() + "\n", encoding="utf-8")


def thresholds_of(
    probabilities: Sequence[float], fractured: Sequence[bool], steps: int = 200
) -> tuple[AtThreshold, ...]:
    """At evenly spaced probabilities from 0 to 1, both classes being there."""
    found = sorted(one for one, is_so in zip(probabilities, fractured, strict=True) if is_so)
    others = sorted(one for one, is_so in zip(probabilities, fractured, strict=True) if not is_so)
    return tuple(_at(step / steps, found, others) for step in range(steps + 1))


def _at(probability: float, found: Sequence[float], others: Sequence[float]) -> AtThreshold:
    called = sum(one >= probability for one in found) / len(found)
    left = sum(one < probability for one in others) / len(others)
    return AtThreshold(
        probability=probability, sensitivity=round(called, 4), specificity=round(left, 4)
    )
