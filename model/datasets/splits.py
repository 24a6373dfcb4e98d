"""Parting labelled images by group, so that no patient is on both sides."""

import random
from collections import Counter, defaultdict
from collections.abc import Sequence

from model.datasets.labelled import LabelledImage


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
