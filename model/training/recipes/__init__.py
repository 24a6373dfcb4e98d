"""Recipes: everything that decides what a training run makes, as plain values."""

from model.training.recipes.recipe import Recipe
from model.training.recipes.spine import SPINE

RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in (SPINE,)}

__all__ = ["RECIPES", "SPINE", "Recipe"]
