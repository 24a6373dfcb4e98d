"""Ten fracture types by a ResNet-50 in two phases: its head first, then its upper half."""

from model.card import NetworkSpec
from model.datasets.labelled import FRACTURE_TYPES
from model.training.recipes.recipe import LossWeights, Recipe, TrunkPhases

TYPES_RESNET50 = Recipe(
    name="types-resnet50",
    network=NetworkSpec(kind="plain", trunk="resnet50", fracture=False, types=FRACTURE_TYPES),
    side=224,
    epochs=40,
    patience_epochs=6,
    calibration_share=0.2,
    losses=LossWeights(class_weighted=True),
    # The top 50 of ResNet-50's layers, counted as those that bear weights.
    phases=TrunkPhases(head_only_epochs=8, moving_share=50 / 106),
)
