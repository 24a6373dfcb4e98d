"""Whether two runs of one network say the same of the same radiographs."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.classifier import FractureClassifier
from model.datasets.labelled import LabelledImage
from model.exporting.kind import Rounding
from model.not_assessable import NotAssessable
from model.prediction import Prediction, most_suspicious
from model.radiograph import Radiograph, read_radiographs
from phantom.anatomy import REGIONS as PHANTOM_REGIONS
from phantom.detector import MAX_VALUE
from phantom.radiograph import VIEWS, PhantomSpec, make_phantom

Pair = tuple[Prediction, Prediction]  # of the reference, of the candidate


@dataclass(frozen=True, slots=True)
class Parity:
    """How far the candidate's answers lie from the reference's."""

    on: str  # what they were asked about
    images: int
    max_logit_change: float
    max_probability_change: float  # of any region, type, hardware, or place of the heatmap
    state_changes: float  # share of the images
    auroc_loss: float | None = None  # None: without labels of both kinds


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a candidate may change, inclusive."""

    logit_change: float
    probability_change: float
    state_changes: float = 0.005
    auroc_change: float = 0.002


# In full precision only the order of the sums differs. A lesser one is held by what is told in the
# end, the state and the ranking; its other bounds catch an export that is another network.
BOUNDS = {
    Rounding.FP32: Bounds(logit_change=1e-3, probability_change=1e-3),
    Rounding.BF16: Bounds(logit_change=0.5, probability_change=0.15),
    Rounding.FP16: Bounds(logit_change=0.5, probability_change=0.15),
}


def compare(
    reference: FractureClassifier,
    candidate: FractureClassifier,
    files: Iterable[Sequence[Radiograph]],
) -> list[Pair]:
    """Both predictions of each file, by the frame that stands for it."""
    return [
        (most_suspicious(reference.predict(frames)), most_suspicious(candidate.predict(frames)))
        for frames in files
    ]


def phantom_files() -> list[list[Radiograph]]:
    """The same eight every time: each region in each view, broken and whole."""
    specs = [
        PhantomSpec(_SEED, region, view, fractured, rows=320, columns=256)
        for region in sorted(PHANTOM_REGIONS)
        for view in VIEWS
        for fractured in (False, True)
    ]
    return [[_radiograph(make_phantom(spec).pixels)] for spec in specs]


_SEED = 0


def _radiograph(stored: NDArray[np.uint16]) -> Radiograph:
    return Radiograph(stored.astype(np.float32) / np.float32(MAX_VALUE))


def labelled_files(images: Iterable[LabelledImage]) -> Iterator[list[Radiograph]]:
    """One after the other; an unreadable one raises NotAssessable with its name."""
    for image in images:
        try:
            yield read_radiographs(image.path)
        except NotAssessable as refusal:
            raise NotAssessable(f"{image.path.name}: {refusal}") from refusal


def parity(pairs: Sequence[Pair], on: str, fractured: Sequence[bool] = ()) -> Parity:
    """Of all pairs; `fractured` are their labels, where there are any."""
    return Parity(
        on=on,
        images=len(pairs),
        max_logit_change=max((_change(a.logit, b.logit) for a, b in pairs), default=0.0),
        max_probability_change=max((_probability_change(a, b) for a, b in pairs), default=0.0),
        state_changes=sum(_told(a) != _told(b) for a, b in pairs) / max(1, len(pairs)),
        auroc_loss=_auroc_loss(pairs, fractured),
    )


def _told(prediction: Prediction) -> str | None:
    """A network that tells types alone is judged by them."""
    return prediction.fracture_type if prediction.state is None else prediction.state.value


def _change(one: float | None, other: float | None) -> float:
    if one is None or other is None:
        return 0.0 if one is other else np.inf
    return abs(one - other)


def _probability_change(one: Prediction, other: Prediction) -> float:
    named = [*_by_name(one.regions, other.regions), *_by_name(one.types, other.types)]
    hardware = _change(one.hardware_probability, other.hardware_probability)
    return max([hardware, _heatmap_change(one, other), *named])


def _by_name(one: dict[str, float], other: dict[str, float]) -> list[float]:
    return [_change(one.get(name), other.get(name)) for name in {*one, *other}]


def _heatmap_change(one: Prediction, other: Prediction) -> float:
    if one.heatmap is None or other.heatmap is None:
        return 0.0 if one.heatmap is other.heatmap else np.inf
    return float(np.abs(one.heatmap - other.heatmap).max())


def _auroc_loss(pairs: Sequence[Pair], fractured: Sequence[bool]) -> float | None:
    """Of the images that both judged; they are the same, or states change."""
    judged = [
        (label, a.logit, b.logit)
        for (a, b), label in zip(pairs, fractured, strict=bool(fractured))
        if a.logit is not None and b.logit is not None
    ]
    labels = [label for label, _, _ in judged]
    if len(set(labels)) < 2:
        return None
    from sklearn.metrics import roc_auc_score

    reference, candidate = (
        float(roc_auc_score(labels, [row[column] for row in judged])) for column in (1, 2)
    )
    return reference - candidate


def disagreement(found: Parity, bounds: Bounds) -> str | None:
    """What lies out of bounds, in words; None where all is well."""
    measured = {
        "logit changes by up to": (found.max_logit_change, bounds.logit_change),
        "a probability changes by up to": (found.max_probability_change, bounds.probability_change),
        "share of states that change is": (found.state_changes, bounds.state_changes),
        "AUROC changes by": (abs(found.auroc_loss or 0.0), bounds.auroc_change),
    }
    # `not <=`: what is not a number is out of bounds too.
    wrong = [
        f"{what} {value:.4g}, allowed are {bound:.4g}"
        for what, (value, bound) in measured.items()
        if not value <= bound
    ]
    return f"on {found.on} ({found.images} images): {'; '.join(wrong)}" if wrong else None
