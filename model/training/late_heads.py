"""Heads fitted when the network stands: how strange an image is, and the fracture's type."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegressionCV
from torch import Tensor

from model.datasets.images import ImageSet
from model.networks.localising import LocalisingNetwork
from model.training.batches import batch_of

_BATCH = 32
# A direction in which training images hardly differ is held to vary at least this share of all.
_LEAST_VARIANCE_SHARE = 1e-4
_INVERSE_PENALTIES = np.logspace(-4, 0, 5)


@dataclass(frozen=True, slots=True)
class Descriptions:
    """What the heads are given, for n images."""

    close: NDArray[np.float32]  # [n, 2 deep]
    pooled: NDArray[np.float32]  # [n, deep]


@torch.inference_mode()
def describe(network: LocalisingNetwork, images: ImageSet) -> Descriptions:
    """The network's features of each image and of its mirror image, as they lie."""
    network.eval()
    device = str(next(network.parameters()).device)
    parts: list[tuple[Tensor, Tensor]] = []
    for rows in np.array_split(np.arange(len(images)), max(1, len(images) // _BATCH)):
        parts.append(network.describe(batch_of(images, rows, device).images))
    close, pooled = (
        torch.cat(columns).float().cpu().numpy() for columns in zip(*parts, strict=True)
    )
    return Descriptions(close, pooled)


def fit_strangeness(network: LocalisingNetwork, pooled: NDArray[np.float32]) -> None:
    """Along the learned images' main directions, each measured by their own spread along it."""
    head = network.strangeness_head
    if head is None:
        return
    centre = pooled.mean(axis=0)
    _, spread, directions = np.linalg.svd(pooled - centre, full_matrices=False)
    variance = spread**2 / len(pooled)
    kept = len(head.directions)
    scale = 1 / np.sqrt(np.maximum(variance[:kept], _LEAST_VARIANCE_SHARE * variance.sum()))
    head.centre.copy_(torch.from_numpy(centre))
    head.directions.copy_(torch.from_numpy(directions[:kept] * scale[:, None]))


@torch.inference_mode()
def strangeness_of(network: LocalisingNetwork, pooled: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the fitted head says, [n]."""
    assert network.strangeness_head is not None
    strangeness: Tensor = network.strangeness_head.cpu()(torch.from_numpy(pooled))
    return strangeness.numpy()


def fit_types(
    network: LocalisingNetwork, close: NDArray[np.float32], types: NDArray[np.int64], seed: int
) -> None:
    """Multinomial logistic regression, its penalty chosen by cross-validation."""
    if network.type_head is None:
        return
    deviation = close.std(axis=0) + 1e-6
    fitted = LogisticRegressionCV(
        Cs=_INVERSE_PENALTIES, cv=5, class_weight="balanced", max_iter=2000, random_state=seed
    ).fit(close / deviation, types)
    weight = np.zeros(tuple(network.type_head.weight.shape), np.float32)
    bias = np.full(len(weight), -20.0, np.float32)  # types that no image shows are never told
    weight[fitted.classes_] = fitted.coef_ / deviation
    bias[fitted.classes_] = fitted.intercept_
    with torch.no_grad():
        network.type_head.weight.copy_(torch.from_numpy(weight))
        network.type_head.bias.copy_(torch.from_numpy(bias))
