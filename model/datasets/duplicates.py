"""The same exposure twice in a data set: copied, resized, compressed, cropped, flipped, turned."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.datasets.data_set import Gathered, ImageUnfit, gather
from model.datasets.images import read_image
from model.datasets.labelled import LabelledImage
from model.datasets.likeness import thumbnail
from model.datasets.lookalikes import find_lookalikes

# Seen in FracAtlas and Bone Break: limbs of two patients in one pose reach 0.826, copies that were
# cropped, turned and compressed start at 0.831.
_SAME_EXPOSURE = 0.83


class Copy(StrEnum):
    """How much two images have in common."""

    EXACT = "exact"  # every pixel
    NEAR = "near"  # the exposure, but not the file


@dataclass(frozen=True, slots=True)
class DuplicatePair:
    """Two images of one exposure."""

    first: Path
    second: Path
    copy: Copy
    correlation: float  # of their fine detail; 1 for an exact copy


def find_duplicates(images: Sequence[LabelledImage]) -> tuple[DuplicatePair, ...]:
    """Every pair of images of one exposure; of several exact copies each with the first."""
    first_of: dict[bytes, Path] = {}
    pairs: list[DuplicatePair] = []
    thumbnails: list[NDArray[np.uint8]] = []
    for image in images:
        radiograph = read_image(image.path)
        digest = sha256(f"{radiograph.pixels.shape}".encode() + radiograph.pixels.tobytes())
        first = first_of.setdefault(digest.digest(), image.path)
        if first is image.path:
            thumbnails.append(thumbnail(radiograph))
        else:
            pairs.append(DuplicatePair(first, image.path, Copy.EXACT, 1.0))
    return (*pairs, *_near(list(first_of.values()), thumbnails))


def _near(paths: list[Path], thumbnails: list[NDArray[np.uint8]]) -> Iterable[DuplicatePair]:
    if not thumbnails:
        return
    for first, second, correlation in find_lookalikes(np.stack(thumbnails)):
        if correlation > _SAME_EXPOSURE:
            yield DuplicatePair(paths[first], paths[second], Copy.NEAR, round(correlation, 3))


def join_duplicates(
    images: Iterable[LabelledImage], pairs: Iterable[DuplicatePair]
) -> tuple[LabelledImage, ...]:
    """The images with their groups united wherever a pair lies in two of them."""
    images = tuple(images)
    group_of = {image.path: image.group for image in images}
    united = _United()
    for pair in pairs:
        united.join(group_of[pair.first], group_of[pair.second])
    return tuple(replace(image, group=united.name(image.group)) for image in images)


def leave_out_leaks(images: Iterable[LabelledImage], pairs: Iterable[DuplicatePair]) -> Gathered:
    """Without the copies in train of what is in val or test, and those in val of what is in test.

    For splits that stand; where images are parted anew, join_duplicates loses none.
    """
    images = tuple(images)
    united = _United()
    for pair in pairs:
        united.join(str(pair.first), str(pair.second))
    last: dict[str, int] = defaultdict(int)
    for image in images:
        copies = united.name(str(image.path))
        last[copies] = max(last[copies], _rank(image.split))
    leaks = {
        image.path for image in images if _rank(image.split) < last[united.name(str(image.path))]
    }
    return gather(images, lambda image: image.path, partial(_refuse_leak, leaks))


def _rank(split: str) -> int:
    return {"test": 2, "val": 1}.get(split, 0)


def _refuse_leak(leaks: set[Path], image: LabelledImage) -> LabelledImage:
    if image.path in leaks:
        raise ImageUnfit("the same exposure is in a part that is measured on")
    return image


class _United:
    """Disjoint sets of names, each called by its least."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def name(self, one: str) -> str:
        while (parent := self._parent.get(one, one)) != one:
            one = parent
        return one

    def join(self, first: str, second: str) -> None:
        low, high = sorted((self.name(first), self.name(second)))
        self._parent[high] = low
