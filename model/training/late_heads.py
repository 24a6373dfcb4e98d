"""Heads fitted when the network stands: how strange an image is, and the fracture's type."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from model.datasets.images import ImageSet
from model.networks.localising import LocalisingNetwork
from model.training.batches import batch_of

_BATCH = 32
# A direction in which training images hardly differ is held to vary at least this share of all.
_LEAST_VARIANCE_SHARE = 1e-4
INVERSE_PENALTY = 1e-3


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


@dataclass(frozen=True, slots=True)
class TypeRegression:
    """A linear head: weight [types seen, 2 deep], and which type each row is."""

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    types: NDArray[np.int64]

    def probabilities(self, close: NDArray[np.float32], count: int) -> NDArray[np.float64]:
        """[n, count]; a type that no image showed has none."""
        logits = close @ self.weight.T + self.bias
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        spread = np.zeros((len(close), count))
        spread[:, self.types] = powers / powers.sum(axis=1, keepdims=True)
        return spread

    def write_into(self, network: LocalisingNetwork) -> None:
        head = network.type_head
        assert head is not None
        with torch.no_grad():
            head.weight.zero_()
            head.bias.fill_(_NEVER_LOGIT)
            head.weight[self.types] = torch.from_numpy(self.weight)
            head.bias[self.types] = torch.from_numpy(self.bias)


_NEVER_LOGIT = -20.0


def fit_type_regression(close: NDArray[np.float32], types: NDArray[np.int64]) -> TypeRegression:
    """Multinomial logistic regression on standardised features, heavily penalised."""
    mean, deviation = close.mean(axis=0), close.std(axis=0) + 1e-6
    fitted = LogisticRegression(C=INVERSE_PENALTY, class_weight="balanced", max_iter=1000).fit(
        (close - mean) / deviation, types
    )
    weight = fitted.coef_ / deviation
    return TypeRegression(
        weight=weight.astype(np.float32),
        bias=(fitted.intercept_ - weight @ mean).astype(np.float32),
        types=fitted.classes_,
    )
