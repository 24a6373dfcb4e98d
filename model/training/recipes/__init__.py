"""Recipes: everything that decides what a training run makes, as plain values."""

from model.training.recipes.cnn_224 import CNN_224
from model.training.recipes.comparisons import DENSENET121, MOBILENET_V2, VGG16
from model.training.recipes.recall_resnet18 import RECALL_RESNET18
from model.training.recipes.recipe import Recipe
from model.training.recipes.shipped import SHIPPED
from model.training.recipes.types_resnet50 import TYPES_RESNET50

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        SHIPPED,
        RECALL_RESNET18,
        TYPES_RESNET50,
        CNN_224,
        DENSENET121,
        VGG16,
        MOBILENET_V2,
    )
}

__all__ = ["RECIPES", "SHIPPED", "Recipe"]
