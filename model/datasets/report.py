"""What is in a data set, counted: what a person wants to know before training on it."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from statistics import median
from typing import TYPE_CHECKING, Any

from model.datasets.data_set import DataSet
from model.datasets.labelled import REGIONS, LabelledImage

if TYPE_CHECKING:
    from model.datasets.duplicates import DuplicatePair

UNTOLD = "not told"

Counts = dict[str, dict[str, int]]


def describe(data_set: DataSet) -> dict[str, Any]:
    """Counts of images and of fractured ones, by everything that the labels tell."""
    images = data_set.images
    return {
        "name": data_set.name,
        "layout": data_set.layout,
        "notes": list(data_set.notes),
        "images": len(images),
        "fractured": sum(image.fractured for image in images),
        "with_boxes": sum(bool(image.boxes) for image in images),
        "splits": _counts(images, lambda image: [image.split or UNTOLD]),
        "regions": _counts(images, _regions),
        "types": _counts(images, lambda image: [image.fracture_type or UNTOLD]),
        "hardware": _counts(images, lambda image: [_word(image.hardware)]),
        "views": _counts(images, lambda image: image.views or [UNTOLD]),
        "multiscan": _counts(images, lambda image: [_word(image.multiscan)]),
        "groups": _groups(images),
        "long_sides": _long_sides(images),
    }


def _counts(
    images: Iterable[LabelledImage], words: Callable[[LabelledImage], Sequence[str]]
) -> Counts:
    """An image of two regions or views counts in both."""
    found: Counts = defaultdict(lambda: {"images": 0, "fractured": 0})
    for image in images:
        for word in words(image):
            found[word]["images"] += 1
            found[word]["fractured"] += image.fractured
    return dict(sorted(found.items()))


def _regions(image: LabelledImage) -> Sequence[str]:
    if not image.regions:
        return [UNTOLD]
    return [name for name, there in zip(REGIONS, image.regions, strict=True) if there]


def _word(answer: bool | None) -> str:
    return {True: "yes", False: "no", None: UNTOLD}[answer]


def _groups(images: Iterable[LabelledImage]) -> dict[str, int]:
    sizes = Counter(image.group for image in images)
    splits = {(image.group, image.split) for image in images}
    in_splits = Counter(group for group, _ in splits)
    return {
        "number": len(sizes),
        "largest": max(sizes.values(), default=0),
        "in_several_splits": sum(count > 1 for count in in_splits.values()),
    }


def _long_sides(images: Iterable[LabelledImage]) -> dict[str, dict[str, int]]:
    """In pixels, by label: where they differ much, size alone may give the label away."""
    sides: dict[str, list[int]] = defaultdict(list)
    for image in images:
        if image.size is not None:
            sides["fractured" if image.fractured else "not fractured"].append(max(image.size))
    return {
        label: {"least": min(found), "median": round(median(found)), "most": max(found)}
        for label, found in sorted(sides.items())
    }


def describe_duplicates(
    images: Iterable[LabelledImage], pairs: "Sequence[DuplicatePair]"
) -> dict[str, int]:
    """How many pairs there are, and how many would leak or contradict each other."""
    image_at = {image.path: image for image in images}
    both = [(image_at[pair.first], image_at[pair.second]) for pair in pairs]
    copies = Counter(pair.copy.value for pair in pairs)
    return {
        "exact": copies["exact"],
        "near": copies["near"],
        "in_several_groups": sum(a.group != b.group for a, b in both),
        "in_several_splits": sum(a.split != b.split for a, b in both),
        "differently_labelled": sum(a.fractured != b.fractured for a, b in both),
    }
