"""Teaching a finished network to tell fracture types, and finding out how well it does."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold

from model.card import NetworkSpec, OperatingPoint
from model.datasets.images import ImageSet
from model.datasets.labelled import LabelledImage
from model.evaluation.fracture_types import type_figures
from model.figures import TypeFigures
from model.networks.build import Network
from model.networks.localising import LocalisingNetwork
from model.training.batches import batch_of
from model.training.late_heads import Descriptions, TypeRegression, fit_type_regression

Values = NDArray[np.float64]

_BATCH = 32
TYPE_FOLDS = 5
# Told only from a probability on at which three of five such answers were right.
WANTED_PRECISION = 0.6
_LEAST_TOLD = 20
_NEVER = 1.0


@dataclass(frozen=True, slots=True)
class TypeResult:
    """What images of groups that taught no type say of a network's types."""

    point: OperatingPoint
    figures: TypeFigures


def teach_types(
    network: LocalisingNetwork,
    spec: NetworkSpec,
    images: Sequence[LabelledImage],
    shown: Descriptions,
) -> TypeResult:
    """Fit the type head; nothing else of the network changes: types cost no fracture."""
    groups = [one.group for one in images]
    probabilities = _out_of_fold(shown.close, shown.types, groups, spec)
    fit_type_regression(shown.close, shown.types).write_into(network)
    return _result(probabilities, images, shown.types, spec)


@torch.inference_mode()
def judge_types(
    network: Network, spec: NetworkSpec, images: Sequence[LabelledImage], loaded: ImageSet
) -> TypeResult:
    """Of a network that was taught types by its epochs, on images of other groups."""
    device = str(next(network.parameters()).device)
    parts = np.array_split(np.arange(len(loaded)), max(1, len(loaded) // _BATCH))
    logits = [network(batch_of(loaded, rows, device).images)["types"] for rows in parts]
    probabilities = torch.cat(logits).double().softmax(dim=1).cpu().numpy()
    return _result(probabilities, images, loaded.types, spec)


def _result(
    probabilities: Values,
    images: Sequence[LabelledImage],
    types: NDArray[np.int64],
    spec: NetworkSpec,
) -> TypeResult:
    true = [spec.types[number] for number in types]
    groups = [image.group for image in images]
    return TypeResult(
        point=sure_enough(probabilities, types),
        figures=type_figures(true, probabilities, spec.types, groups),
    )


def _out_of_fold(
    close: NDArray[np.float32], types: NDArray[np.int64], groups: Sequence[str], spec: NetworkSpec
) -> Values:
    """Probabilities [n, types], each by a head that never saw the image's group."""
    probabilities = np.zeros((len(types), len(spec.types)))
    for fit, unseen in GroupKFold(TYPE_FOLDS, shuffle=True, random_state=0).split(
        close, groups=groups
    ):
        head: TypeRegression = fit_type_regression(close[fit], types[fit])
        probabilities[unseen] = head.probabilities(close[unseen], len(spec.types))
    return probabilities


def sure_enough(probabilities: Values, types: NDArray[np.int64]) -> OperatingPoint:
    """The lowest probability of the likeliest type from which on enough answers were right."""
    told, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == types
    order = np.argsort(-told)
    precision = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero(precision[_LEAST_TOLD - 1 :] >= WANTED_PRECISION)
    if not enough.size:
        return OperatingPoint(probability=_NEVER, chosen_for="no answer was right often enough")
    last = int(enough[-1]) + _LEAST_TOLD - 1
    share, point = (last + 1) / len(order), float(told[order][last])
    return OperatingPoint(
        probability=round(point, 4),
        chosen_for=f"{WANTED_PRECISION:.0%} right among the {share:.0%} of images that reach it",
    )
