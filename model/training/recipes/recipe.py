"""The knobs of a training run and what each means."""

from dataclasses import dataclass, field

from model.card import NetworkSpec
from model.training.augmentation import Augmentation


@dataclass(frozen=True, slots=True)
class Rates:
    """How fast the weights move: one cycle of warming up and cooling down."""

    trunk: float = 3e-4
    heads: float = 1e-3
    weight_decay: float = 0.05
    warmup_share: float = 0.15  # of all steps


@dataclass(frozen=True, slots=True)
class LossWeights:
    """What counts how much; the fracture's own loss counts 1."""

    heatmap: float = 0.5
    regions: float = 0.2
    hardware: float = 0.1
    types: float = 1.0
    label_smoothing: float = 0.02
    class_weighted: bool = False  # rare labels count more instead of being drawn more often


@dataclass(frozen=True, slots=True)
class Practice:
    """Phantoms among the radiographs: the node's self-test must find the broken ones."""

    phantoms: int = 480  # rendered once at the start, half of them fractured
    share: float = 0.1  # of all draws


@dataclass(frozen=True, slots=True)
class TrunkPhases:
    """Which part of the trunk moves when; the rest keeps its weights and its statistics."""

    head_only_epochs: int = 0  # the heads first, on a trunk that stands still
    moving_share: float = 1.0  # of the trunk's layers afterwards, from the top
    from_scratch: bool = False  # no start weights: every layer moves from the start


@dataclass(frozen=True, slots=True)
class Recipe:
    """A run is its recipe, its data and its start weights; the same three give the same network."""

    name: str
    network: NetworkSpec
    side: int  # of the square input, in pixels
    epochs: int
    batch: int = 16
    accumulated_batches: int = 1  # how many make one step
    ema_decay: float = 0.99
    fractured_weight: float = 1.0  # how many times as often a fractured image is drawn
    patience_epochs: int | None = None  # stop after so many without a better held-out loss
    calibration_share: float = 0.12  # of the training images, held out by group
    cross_validation_folds: int = 0  # more than 1: fit on all images, calibrate out of fold
    sensitivity: float = 0.85  # promised by the sensitive operating point
    specificity: float = 0.90  # promised by the specific one
    mirrored_too: bool = True  # when serving: the mean with the mirror image's answer
    seed: int = 0
    rates: Rates = field(default_factory=Rates)
    losses: LossWeights = field(default_factory=LossWeights)
    practice: Practice | None = None
    phases: TrunkPhases = field(default_factory=TrunkPhases)
    augmentation: Augmentation = field(default_factory=Augmentation)
