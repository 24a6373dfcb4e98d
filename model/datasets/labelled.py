"""What is known of one labelled radiograph, whatever data set it came from."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

REGIONS = ("hand", "leg", "hip", "shoulder")
FRACTURE_TYPES = (
    "avulsion",
    "comminuted",
    "fracture_dislocation",
    "greenstick",
    "hairline",
    "impacted",
    "longitudinal",
    "oblique",
    "pathological",
    "spiral",
)

Rectangle = tuple[
    float, float, float, float
]  # x0, y0, x1, y1 in stored pixels, far edges exclusive


@dataclass(frozen=True, slots=True)
class LabelledImage:
    """One radiograph and its labels; what a data set does not tell is None or empty."""

    path: Path
    group: str  # images of one patient, or that may be: never parted between splits
    split: str  # the data set's own part, or "" where it has none
    fractured: bool
    regions: tuple[float, ...]  # 1 or 0 for each of REGIONS; empty: not told
    boxes: tuple[Rectangle, ...] = ()
    fracture_type: str | None = None  # one of FRACTURE_TYPES, or the data set's own word
    hardware: bool | None = None  # screws, plates, nails
    views: tuple[str, ...] = ()  # frontal, lateral, oblique
    multiscan: bool | None = None  # several exposures on one picture
    size: tuple[int, int] | None = None  # rows and columns, upright


def of_split(images: Iterable[LabelledImage], split: str) -> list[LabelledImage]:
    """The images of one split."""
    return [image for image in images if image.split == split]


def flags_of(*regions: str) -> tuple[float, ...]:
    """The regions named, as LabelledImage has them."""
    return tuple(float(region in regions) for region in REGIONS)
