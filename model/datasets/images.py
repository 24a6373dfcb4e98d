"""Labelled radiographs at the network's size, with the masks of their boxes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from model.datasets.labelled import REGIONS, LabelledImage, Rectangle
from model.letterbox import Letterbox, letterbox
from model.radiograph import NotAssessable, Radiograph, read_radiographs

# Box masks are kept four times coarser than the images: a heatmap cell is two by two of them.
MASK_STRIDE = 4


@dataclass(frozen=True, slots=True)
class ImageSet:
    """Images at the network's size, their box masks and labels, row by row."""

    images: NDArray[np.uint8]  # [n, side, side]
    masks: NDArray[np.uint8]  # [n, side / 4, side / 4]
    fractured: NDArray[np.float32]  # [n]
    regions: NDArray[np.float32]  # [n, 4]; not a number where the data set does not tell
    hardware: NDArray[np.float32]  # [n]; likewise
    types: NDArray[np.int64]  # [n]: a place in the list of types; -1 where not told

    def __len__(self) -> int:
        return len(self.images)

    def rows(self, chosen: NDArray[np.intp]) -> "ImageSet":
        """These rows alone."""
        return ImageSet(
            self.images[chosen],
            self.masks[chosen],
            self.fractured[chosen],
            self.regions[chosen],
            self.hardware[chosen],
            self.types[chosen],
        )

    def joined(self, other: Self) -> "ImageSet":
        """Both sets, this one first."""
        return ImageSet(
            np.concatenate([self.images, other.images]),
            np.concatenate([self.masks, other.masks]),
            np.concatenate([self.fractured, other.fractured]),
            np.concatenate([self.regions, other.regions]),
            np.concatenate([self.hardware, other.hardware]),
            np.concatenate([self.types, other.types]),
        )


def load_images(images: Sequence[LabelledImage], side: int, types: Sequence[str] = ()) -> ImageSet:
    """Read and letterbox every image once; types gives each fracture type its number.

    An image that cannot be read raises NotAssessable: read_data_set has left such images out.
    """
    coarse = side // MASK_STRIDE
    squares = np.zeros((len(images), side, side), np.uint8)
    masks = np.zeros((len(images), coarse, coarse), np.uint8)
    for row, image in enumerate(images):
        squares[row], masks[row] = _prepare_image(image, side)
    return ImageSet(
        images=squares,
        masks=masks,
        fractured=np.array([image.fractured for image in images], np.float32),
        regions=np.array([_regions(image) for image in images], np.float32).reshape(
            -1, len(REGIONS)
        ),
        hardware=np.array([_hardware(image) for image in images], np.float32),
        types=np.array([_type(image, types) for image in images], np.int64),
    )


def _prepare_image(image: LabelledImage, side: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    try:
        return prepare(read_image(image.path), image.boxes, side)
    except NotAssessable as refusal:
        raise NotAssessable(f"{image.path.name}: {refusal}") from refusal


def read_image(path: Path) -> Radiograph:
    """A picture or a DICOM image; of several frames the first that shows anything."""
    return read_radiographs(path)[0]


def _regions(image: LabelledImage) -> tuple[float, ...]:
    return image.regions or (np.nan,) * len(REGIONS)


def _hardware(image: LabelledImage) -> float:
    return np.nan if image.hardware is None else float(image.hardware)


def _type(image: LabelledImage, types: Sequence[str]) -> int:
    return types.index(image.fracture_type) if image.fracture_type in types else -1


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
