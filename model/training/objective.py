"""What training minimises: the image's label, the place of each fracture, and what else is told."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from model.networks.answer import Answer
from model.training.batches import Batch
from model.training.recipes.recipe import LossWeights

# A batch with few box cells must not make a single one of them weigh everything.
_LEAST_BOX_CELLS = 40.0
_BOX_CELL_WEIGHT = 5.0


@dataclass(frozen=True, slots=True)
class ClassWeights:
    """How much a label counts, by how rare it is; ones where the recipe draws them evenly."""

    fractured: float = 1.0
    types: Tensor | None = None


def total_loss(answer: Answer, batch: Batch, weights: LossWeights, classes: ClassWeights) -> Tensor:
    """The sum over what the network answers; labels that are not told count nothing."""
    losses: list[Tensor] = []
    for name, raw in answer.items():
        logits = raw.float()
        if name == "fracture":
            losses.append(_fracture_term(logits, batch, weights, classes))
        elif name == "heatmap":
            losses.append(weights.heatmap * heatmap_loss(logits, batch.masks))
        elif name == "regions":
            losses.append(weights.regions * told_loss(logits, batch.regions))
        elif name == "hardware":
            losses.append(weights.hardware * told_loss(logits, batch.hardware))
        elif name == "types":
            losses.append(weights.types * _type_term(logits, batch, weights, classes))
    return torch.stack(losses).sum()


def _fracture_term(
    logits: Tensor, batch: Batch, weights: LossWeights, classes: ClassWeights
) -> Tensor:
    """Images whose every box was moved out of sight are left out: their label no longer holds."""
    lost = batch.boxed & (batch.masks.flatten(1).sum(dim=1) == 0)
    counted = torch.where(batch.fractured > 0, classes.fractured, 1.0) * ~lost
    targets = batch.fractured * (1 - 2 * weights.label_smoothing) + weights.label_smoothing
    losses = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    return (losses * counted).sum() / counted.sum().clamp_min(1)


def heatmap_loss(heatmap: Tensor, masks: Tensor) -> Tensor:
    """Focal loss per cell, normalised by the cells of boxes: most cells of most images are easy."""
    target = F.adaptive_max_pool2d(masks, heatmap.shape[-2:])[:, 0]
    chance = heatmap.sigmoid()
    focus = torch.where(target > 0, _BOX_CELL_WEIGHT * (1 - chance) ** 2, chance**2)
    losses = F.binary_cross_entropy_with_logits(heatmap, target, reduction="none") * focus
    return losses.sum() / target.sum().clamp_min(_LEAST_BOX_CELLS)


def told_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Independent yes-or-no answers where the label is a number."""
    told = ~labels.isnan()
    losses = F.binary_cross_entropy_with_logits(logits, labels.nan_to_num(), reduction="none")
    return (losses * told).sum() / told.sum().clamp_min(1)


def _type_term(logits: Tensor, batch: Batch, weights: LossWeights, classes: ClassWeights) -> Tensor:
    if not (batch.types >= 0).any():
        return logits.sum() * 0
    return F.cross_entropy(
        logits,
        batch.types,
        weight=None if classes.types is None else classes.types.to(logits.device),
        ignore_index=-1,
        label_smoothing=weights.label_smoothing,
    )
