"""A recall-first ResNet-18: rare fractures weigh more, and the operating point misses few."""

from model.card import NetworkSpec
from model.training.recipes.recipe import LossWeights, Recipe

RECALL_RESNET18 = Recipe(
    name="recall-resnet18",
    network=NetworkSpec(kind="plain", trunk="resnet18"),
    side=320,
    epochs=10,
    sensitivity=0.95,
    losses=LossWeights(class_weighted=True),
)
