"""Heads fitted when the network stands: how strange an image is, and the fracture's type."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from model.card import NetworkSpec
from model.datasets.images import ImageSet
from model.networks.localising import LocalisingNetwork
from model.training.batches import batch_of

_BATCH = 32
INVERSE_PENALTY = 1e-3


@dataclass(frozen=True, slots=True)
class Descriptions:
    """What the heads are given, for n images."""

    close: NDArray[np.float32]  # [n, 2 deep]
    pooled: NDArray[np.float32]  # [n, deep]
    types: NDArray[np.int64]  # [n]: a place in the list of types; -1 where not told


@torch.inference_mode()
def describe(network: LocalisingNetwork, images: ImageSet) -> Descriptions:
    """The network's features of each image as it lies."""
    # Takes three fifths of the time that one plane after the other does.
    network.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    device = str(next(network.parameters()).device)
    parts: list[tuple[Tensor, Tensor]] = []
    for rows in np.array_split(np.arange(len(images)), max(1, len(images) // _BATCH)):
        shown = batch_of(images, rows, device).images
        parts.append(network.describe(shown.contiguous(memory_format=torch.channels_last)))
    close, pooled = (
        torch.cat(columns).float().cpu().numpy() for columns in zip(*parts, strict=True)
    )
    return Descriptions(close, pooled, images.types)


def with_late_heads(network: LocalisingNetwork, spec: NetworkSpec) -> LocalisingNetwork:
    """The same network with the heads of the spec that no epoch teaches, still empty."""
    whole = LocalisingNetwork(spec)
    whole.load_state_dict(network.state_dict(), strict=False)
    return whole.eval()


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
    fitted = LogisticRegression(
        C=INVERSE_PENALTY, class_weight="balanced", max_iter=300, tol=1e-3
    ).fit((close - mean) / deviation, types)
    weight, bias = fitted.coef_ / deviation, fitted.intercept_
    if len(weight) == 1:  # of two types, scikit-learn keeps the second's row alone
        weight, bias = np.concatenate([0 * weight, weight]), np.append(0, bias)
    return TypeRegression(
        weight=weight.astype(np.float32),
        bias=(bias - weight @ mean).astype(np.float32),
        types=fitted.classes_,
    )
