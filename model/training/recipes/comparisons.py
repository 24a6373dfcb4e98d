"""Plain trunks to compare, all trained alike; each wants its ImageNet start weights."""

from model.card import NetworkSpec
from model.training.recipes.recipe import Recipe

DENSENET121, VGG16, MOBILENET_V2 = (
    Recipe(
        name=name,
        network=NetworkSpec(kind="plain", trunk=trunk),
        side=320,
        epochs=12,
        fractured_weight=2.5,
    )
    for name, trunk in (
        ("densenet121", "densenet121"),
        ("vgg16", "vgg16"),
        ("mobilenet-v2", "mobilenet_v2"),
    )
)
