"""What training minimises: the image's label, the place of each fracture, and the region."""

import torch
import torch.nn.functional as F
from torch import Tensor

from model.network import Answer
from model.training.recipes.recipe import Recipe

# A batch with few box cells must not make a single one of them weigh everything.
_LEAST_BOX_CELLS = 20.0
_BOX_CELL_WEIGHT = 5.0


def total_loss(
    answer: Answer, masks: Tensor, fractured: Tensor, regions: Tensor, recipe: Recipe
) -> Tensor:
    """Masks [n, 1, m, m] are those of the augmented images."""
    return (
        fracture_loss(answer.fracture.float(), fractured, masks, recipe.label_smoothing)
        + recipe.heatmap_loss_weight * heatmap_loss(answer.heatmap.float(), masks)
        + recipe.region_loss_weight
        * F.binary_cross_entropy_with_logits(answer.regions.float(), regions)
    )


def fracture_loss(logits: Tensor, fractured: Tensor, masks: Tensor, smoothing: float) -> Tensor:
    """Images whose every box was moved out of sight are left out: their label no longer holds."""
    visible = (fractured < 0.5) | (masks.flatten(1).sum(dim=1) > 0)
    targets = fractured * (1 - 2 * smoothing) + smoothing
    losses = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    return (losses * visible).sum() / visible.sum().clamp_min(1)


def heatmap_loss(heatmap: Tensor, masks: Tensor) -> Tensor:
    """Focal loss per cell, normalised by the cells of boxes: most cells of most images are easy."""
    target = F.adaptive_max_pool2d(masks, heatmap.shape[-2:])[:, 0]
    chance = heatmap.sigmoid()
    focus = torch.where(target > 0, _BOX_CELL_WEIGHT * (1 - chance) ** 2, chance**2)
    losses = F.binary_cross_entropy_with_logits(heatmap, target, reduction="none") * focus
    return losses.sum() / target.sum().clamp_min(_LEAST_BOX_CELLS)
