"""card.json: all that must travel with the weights for their answers to mean anything."""

from model.figures import CardPart, Figures


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


class OperatingPoints(CardPart):
    """From `sensitive` on it is possible, from `specific` on a fracture; `box` cuts heatmaps."""

    sensitive: OperatingPoint
    specific: OperatingPoint
    box: OperatingPoint


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
