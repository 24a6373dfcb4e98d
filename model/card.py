"""card.json: all that must travel with the weights for their answers to mean anything."""

from pydantic import BaseModel, ConfigDict


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Input(_Part):
    """How a picture becomes the network's input."""

    side: int  # pixels of the square
    mirrored_too: bool  # the answer is the mean of the picture's and its mirror image's


class Calibration(_Part):
    """probability = sigmoid(slope · logit + intercept)."""

    slope: float
    intercept: float
    fitted_on: str


class OperatingPoint(_Part):
    """A probability and the promise it was chosen for."""

    probability: float
    chosen_for: str


class OperatingPoints(_Part):
    """From `sensitive` on it is possible, from `specific` on a fracture; `box` cuts heatmaps."""

    sensitive: OperatingPoint
    specific: OperatingPoint
    box: OperatingPoint


class Source(_Part):
    """Something the weights were made from."""

    name: str
    licence: str
    attribution: str
    use: str


class Interval(_Part):
    """A figure with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


class PointFigures(_Part):
    """What an operating point does on the measured images."""

    sensitivity: Interval
    specificity: Interval


class Figures(_Part):
    """Measured on this very artefact."""

    command: str
    images: int
    fractured: int
    groups: int
    auroc: Interval
    average_precision: Interval
    sensitive: PointFigures
    specific: PointFigures
    region_accuracy: float
    heatmap_peak_in_box: float  # share of the fractured images
    expected_calibration_error: float
    note: str


class Card(_Part):
    """The model card, as a program reads it."""

    name: str
    version: str
    intended_use: str
    trunk: str
    regions: tuple[str, ...]
    input: Input
    calibration: Calibration
    operating_points: OperatingPoints
    recipe: dict[str, object]
    sources: tuple[Source, ...]
    validation: Figures | None
    limits: tuple[str, ...]
    files: dict[str, str]  # name → SHA-256
