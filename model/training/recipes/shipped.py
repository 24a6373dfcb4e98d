"""What ships: a MobileNetV2, taught by the readers' boxes where to look."""

from model.card import NetworkSpec
from model.datasets.labelled import FRACTURE_TYPES, REGIONS
from model.training.recipes.recipe import Practice, Recipe

SHIPPED = Recipe(
    name="shipped",
    network=NetworkSpec(
        kind="localising",
        trunk="mobilenet_v2",
        regions=REGIONS,
        hardware=True,
        types=FRACTURE_TYPES,
        strangeness_directions=256,
    ),
    side=416,
    epochs=8,
    sensitivity=0.90,
    fractured_weight=2.5,
    cross_validation_folds=3,
    practice=Practice(),
)
