"""Labelled radiographs: a folder of pictures with labels.csv and boxes.csv, as of FracAtlas."""

import csv
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from model.letterbox import Letterbox, letterbox
from model.radiograph import Radiograph, read_picture

REGIONS = ("hand", "leg", "hip", "shoulder")
# Box masks are kept four times coarser than the images: fine enough for a heatmap at stride 16.
MASK_STRIDE = 4

Rectangle = tuple[
    float, float, float, float
]  # x0, y0, x1, y1 in stored pixels, far edges exclusive


@dataclass(frozen=True, slots=True)
class LabelledImage:
    """One row of labels.csv with its boxes."""

    path: Path
    group: str  # images of one patient, or that may be: never parted between splits
    split: str
    fractured: bool
    regions: tuple[float, ...]  # 1 or 0 for each of REGIONS
    boxes: tuple[Rectangle, ...]


@dataclass(frozen=True, slots=True)
class ImageSet:
    """Images at the network's size, their box masks and labels, row by row."""

    images: NDArray[np.uint8]  # [n, side, side]
    masks: NDArray[np.uint8]  # [n, side / 4, side / 4]
    fractured: NDArray[np.float32]  # [n]
    regions: NDArray[np.float32]  # [n, 4]

    def __len__(self) -> int:
        return len(self.images)

    def joined(self, other: Self) -> "ImageSet":
        """Both sets, this one first."""
        return ImageSet(
            np.concatenate([self.images, other.images]),
            np.concatenate([self.masks, other.masks]),
            np.concatenate([self.fractured, other.fractured]),
            np.concatenate([self.regions, other.regions]),
        )


def read_labels(folder: Path) -> list[LabelledImage]:
    """All images but the truncated: none of those is fractured, so their flat band is a label."""
    boxes = _read_boxes(folder / "boxes.csv")
    with (folder / "labels.csv").open(newline="") as table:
        rows = [row for row in csv.DictReader(table) if row["truncated"] == "0"]
    return [_labelled_image(folder / "images", row, boxes) for row in rows]


def _read_boxes(path: Path) -> dict[str, list[Rectangle]]:
    boxes: dict[str, list[Rectangle]] = defaultdict(list)
    with path.open(newline="") as table:
        for row in csv.DictReader(table):
            x0, y0, x1, y1 = (float(row[key]) for key in ("x0", "y0", "x1", "y1"))
            boxes[row["image_id"]].append((x0, y0, x1, y1))
    return boxes


def _labelled_image(
    folder: Path, row: dict[str, str], boxes: dict[str, list[Rectangle]]
) -> LabelledImage:
    return LabelledImage(
        path=folder / row["image_id"],
        group=row["group"],
        split=row["split"],
        fractured=row["fractured"] == "1",
        regions=tuple(float(row[region]) for region in REGIONS),
        boxes=tuple(boxes.get(row["image_id"], ())),
    )


def of_split(images: Iterable[LabelledImage], split: str) -> list[LabelledImage]:
    """The images of one split."""
    return [image for image in images if image.split == split]


def hold_out_groups(
    images: Sequence[LabelledImage], share: float, seed: int
) -> tuple[list[LabelledImage], list[LabelledImage]]:
    """Part whole groups off until the share of fractured and of other images is reached."""
    wanted = {label: share * _count(images)[label] for label in (True, False)}
    by_group: dict[str, list[LabelledImage]] = defaultdict(list)
    for image in images:
        by_group[image.group].append(image)
    names = sorted(by_group)
    random.Random(seed).shuffle(names)  # noqa: S311
    taken: Counter[bool] = Counter()
    held: set[str] = set()
    for name in names:
        grown = taken + _count(by_group[name])
        if all(grown[label] <= 1.1 * wanted[label] + 1 for label in wanted):
            held.add(name)
            taken = grown
    return (
        [image for image in images if image.group not in held],
        [image for image in images if image.group in held],
    )


def _count(images: Sequence[LabelledImage]) -> Counter[bool]:
    return Counter(image.fractured for image in images)


def load_images(images: Sequence[LabelledImage], side: int) -> ImageSet:
    """Read and letterbox every image once."""
    rows = [prepare(read_picture(image.path), image.boxes, side) for image in images]
    return ImageSet(
        images=_stack([picture for picture, _ in rows], side),
        masks=_stack([mask for _, mask in rows], side // MASK_STRIDE),
        fractured=np.array([image.fractured for image in images], dtype=np.float32),
        regions=np.array([image.regions for image in images], dtype=np.float32).reshape(
            -1, len(REGIONS)
        ),
    )


def _stack(squares: list[NDArray[np.uint8]], side: int) -> NDArray[np.uint8]:
    return np.array(squares, dtype=np.uint8).reshape(-1, side, side)


def prepare(
    radiograph: Radiograph, boxes: Iterable[Rectangle], side: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The network's input and the mask of its boxes."""
    square, frame = letterbox(radiograph, side)
    mask = np.zeros((side // MASK_STRIDE, side // MASK_STRIDE), dtype=np.uint8)
    for box in boxes:
        x0, y0, x1, y1 = _cells(frame, box)
        mask[y0:y1, x0:x1] = 1
    return square, mask


def _cells(frame: Letterbox, box: Rectangle) -> tuple[int, int, int, int]:
    left, top = frame.to_square(box[0], box[1])
    right, bottom = frame.to_square(box[2], box[3])
    return (
        int(left // MASK_STRIDE),
        int(top // MASK_STRIDE),
        int(-(-right // MASK_STRIDE)),
        int(-(-bottom // MASK_STRIDE)),
    )
