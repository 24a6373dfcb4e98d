"""The figures a card carries: how well the classifier did on labelled images, with intervals.

What could not be measured (too few images, a class that is missing, no boxes to compare with) is
None.
"""

from pydantic import BaseModel, ConfigDict


class CardPart(BaseModel):
    """Whatever is written into card.json: nothing unknown is read, nothing is changed later."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Interval(CardPart):
    """A figure with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


class PointFigures(CardPart):
    """What an operating point does on the measured images."""

    sensitivity: Interval | None
    specificity: Interval | None


class HeldFigure(CardPart):
    """A figure at a point chosen on the measured images themselves, so that another is held."""

    held: float
    reached: Interval


class MarkFigures(CardPart):
    """How well marks on the image meet readers' boxes.

    A mark hits when its centre lies in a reader's box or their intersection over union is 0.1.
    """

    boxed_images: int
    boxes_hit: Interval  # share of the boxed images in which a shown box hits
    false_boxes_per_image: Interval  # shown boxes that hit nothing, over all images
    peaks_hit: HeldFigure | None  # the same share for heatmap peaks, false marks per image held


class Subgroup(CardPart):
    """A part of the images; a figure that fewer than ten images would carry is None."""

    kind: str
    name: str
    images: int
    fractured: int
    auroc: Interval | None
    sensitive: PointFigures
    specific: PointFigures


class UnjudgedAsNegative(CardPart):
    """The figures when every image that was not assessable counts as called negative."""

    auroc: Interval | None
    sensitive: PointFigures
    specific: PointFigures


class TypeRow(CardPart):
    """One fracture type among the others; None where the figure has nothing to divide by."""

    name: str
    images: int
    precision: float | None
    recall: float | None
    f1: float | None


class TypeFigures(CardPart):
    """How well fracture types are told apart, on images whose type is known."""

    images: int
    accuracy: Interval
    top_two_accuracy: Interval
    macro_precision: Interval
    macro_recall: Interval
    macro_f1: Interval
    rows: tuple[TypeRow, ...]
    confusion: tuple[tuple[int, ...], ...]  # [true][predicted], in the order of the rows


class Shaken(CardPart):
    """What a change that leaves a fracture what it is does to the answers."""

    change: str
    images: int
    moved: float  # of 95 % of the images the probability moves by at most this
    states_changed: float  # share of the images that are called something else


class Figures(CardPart):
    """Measured on this very artefact, or, for cross-validation, on the networks of its folds."""

    command: str
    images: int  # read; the figures are made of those that were assessable
    fractured: int
    groups: int
    auroc: Interval | None
    average_precision: Interval | None
    sensitive: PointFigures
    specific: PointFigures
    region_accuracy: Interval | None
    heatmap_peak_in_box: Interval | None  # share of the boxed images
    expected_calibration_error: Interval
    note: str
    brier: Interval | None = None
    sensitivity_at_specificity: HeldFigure | None = None
    specificity_at_sensitivity: HeldFigure | None = None
    marks: MarkFigures | None = None
    not_assessable: int = 0  # of the images, those the classifier declined to judge
    unjudged_as_negative: UnjudgedAsNegative | None = None  # where there are such
    subgroups: tuple[Subgroup, ...] = ()
    types: TypeFigures | None = None
    hardware_auroc: Interval | None = None  # of images with implants among those without
