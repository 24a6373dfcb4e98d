"""The knobs of a training run and what each means."""

from dataclasses import dataclass

from model.training.augmentation import Augmentation


@dataclass(frozen=True, slots=True)
class Recipe:
    """A run is its recipe, its data and its start weights; the same three give the same network."""

    name: str
    trunk: str
    side: int  # of the square input, in pixels
    epochs: int
    batch: int
    trunk_learning_rate: float
    head_learning_rate: float
    weight_decay: float
    warmup_share: float  # of all steps
    ema_decay: float
    fractured_weight: float  # how many times as often a fractured image is drawn
    phantoms: int  # rendered once at the start, half of them fractured
    phantom_share: float  # of all draws
    settling_epochs: int  # added at the end, at a steady tenth of the learning rates
    settling_phantom_share: float
    calibration_share: float  # of the train images, held out by group
    label_smoothing: float
    heatmap_loss_weight: float
    region_loss_weight: float
    mirrored_too: bool  # when serving: the mean with the mirror image's answer
    seed: int
    augmentation: Augmentation
