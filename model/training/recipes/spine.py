"""The first shipped network: a plain fine-tune with a heatmap taught by the boxes.

The settling epochs are for the self-test: after the main run whole phantoms, half of whose kind
are broken, still stood above the sensitive operating point.
"""

from model.training.augmentation import Augmentation
from model.training.recipes.recipe import Recipe

SPINE = Recipe(
    name="spine",
    trunk="mobilenet_v2",
    side=416,
    epochs=12,
    batch=16,
    trunk_learning_rate=3e-4,
    head_learning_rate=1e-3,
    weight_decay=0.05,
    warmup_share=0.15,
    ema_decay=0.99,
    fractured_weight=2.5,
    phantoms=480,
    phantom_share=0.05,
    settling_epochs=2,
    settling_phantom_share=0.2,
    calibration_share=0.12,
    label_smoothing=0.02,
    heatmap_loss_weight=0.5,
    region_loss_weight=0.2,
    mirrored_too=True,
    seed=0,
    augmentation=Augmentation(),
)
