"""card.json: all that must travel with the weights for their answers to mean anything."""

from typing import Literal, Self

from pydantic import ValidationInfo, model_validator

from model.figures import CardPart, Figures, Shaken, TypeFigures


class NetworkSpec(CardPart):
    """Which network it is: enough to build it again and load its weights."""

    kind: Literal["localising", "plain"]  # with a heatmap of its own, or a class head alone
    trunk: str
    fracture: bool = True
    regions: tuple[str, ...] = ()
    hardware: bool = False
    types: tuple[str, ...] = ()
    strangeness_directions: int = 0

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of its answers, in the order of `model/networks/answer.py`."""
        given = {
            "fracture": self.fracture,
            "heatmap": self.kind == "localising",
            "regions": bool(self.regions),
            "hardware": self.hardware,
            "types": bool(self.types),
            "strangeness": self.strangeness_directions > 0,
        }
        return tuple(name for name, answered in given.items() if answered)


class Input(CardPart):
    """How a picture becomes the network's input."""

    side: int  # pixels of the square
    mirrored_too: bool  # the answer is the mean of the picture's and its mirror image's


class Calibration(CardPart):
    """probability = sigmoid(slope · logit + intercept)."""

    slope: float
    intercept: float
    fitted_on: str


class OperatingPoint(CardPart):
    """A probability and the promise it was chosen for."""

    probability: float
    chosen_for: str


class BoxPoint(CardPart):
    """A place gets a box where the heatmap reaches this share of its highest value."""

    peak_share: float
    chosen_for: str


class OperatingPoints(CardPart):
    """From `sensitive` on it is possible, from `specific` on a fracture; `box` cuts heatmaps."""

    sensitive: OperatingPoint
    specific: OperatingPoint
    box: BoxPoint


class Coverage(CardPart):
    """How strange an image may be: from `limit` on it is of nothing that the network has learned.

    From `doubt` on it may be, and is never said to show no fracture.
    """

    limit: float
    doubt: float
    chosen_for: str


class ServingGate(CardPart):
    """What a lesser precision changes in the answers, beside the artefact in full float32."""

    precision: Literal["bf16", "fp16"]
    images: int  # labelled images of groups the network never saw
    auroc_loss: float | None  # None: the images were all of one label
    state_changes: float  # share of the images
    max_logit_change: float


class Source(CardPart):
    """Something the weights were made from."""

    name: str
    licence: str
    attribution: str
    use: str


class Card(CardPart):
    """The model card, as a program reads it."""

    name: str
    version: str
    intended_use: str
    network: NetworkSpec
    input: Input
    calibration: Calibration
    operating_points: OperatingPoints
    coverage: Coverage | None  # None: the network does not tell how strange an image is
    type_point: OperatingPoint | None  # a type is told from this probability on
    training: str = ""  # on what machine, in how long
    recipe: dict[str, object]
    sources: tuple[Source, ...]
    validation: Figures | None = None  # on groups that fitted no weight and no calibration
    type_validation: TypeFigures | None = None  # of types, on images of unseen groups
    cross_validation: Figures | None = None  # of networks trained alike, each on its unseen fold
    shaken: tuple[Shaken, ...] = ()  # of a fold's network, on images it never saw
    serving: ServingGate | None = None  # the precision a CPU may serve in; None: float32 alone
    limits: tuple[str, ...]
    files: dict[str, str]  # name → SHA-256

    @model_validator(mode="after")
    def _nothing_left_to_guess(self, info: ValidationInfo) -> Self:
        """A file without these would serve, and call a chest whole."""
        lacking = set(NetworkSpec.model_fields) - self.network.model_fields_set
        if info.mode == "json" and lacking:
            raise ValueError(f"network lacks {', '.join(sorted(lacking))}")
        if self.network.strangeness_directions > 0 and self.coverage is None:
            raise ValueError("it tells strange images, and not which are too strange")
        return self
