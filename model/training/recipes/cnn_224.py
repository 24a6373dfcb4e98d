"""A small CNN of convolution, ReLU and pooling blocks, from nothing, at 224 pixels."""

from model.card import NetworkSpec
from model.training.recipes.recipe import Rates, Recipe, TrunkPhases

CNN_224 = Recipe(
    name="cnn-224",
    network=NetworkSpec(kind="plain", trunk="small_cnn"),
    side=224,
    epochs=20,
    batch=32,
    fractured_weight=2.5,
    rates=Rates(trunk=1e-3),
    phases=TrunkPhases(from_scratch=True),
)
