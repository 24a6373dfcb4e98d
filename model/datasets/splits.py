"""Parting labelled images by group, so that no patient is on both sides."""

import random
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

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


def fold_numbers(images: Sequence[LabelledImage], folds: int, seed: int) -> NDArray[np.intp]:
    """Which fold each image is in, [n]; whole groups, the largest dealt first to the emptiest."""
    share = {label: max(count / folds, 1) for label, count in _count(images).items()}
    by_group: dict[str, list[LabelledImage]] = defaultdict(list)
    for image in images:
        by_group[image.group].append(image)
    names = sorted(by_group)
    random.Random(seed).shuffle(names)  # noqa: S311
    names.sort(key=lambda name: -len(by_group[name]))
    held = [Counter[bool]() for _ in range(folds)]
    fold_of: dict[str, int] = {}
    for name in names:
        fold_of[name] = min(range(folds), key=lambda k: _crowding(held[k], by_group[name], share))
        held[fold_of[name]] += _count(by_group[name])
    return np.array([fold_of[image.group] for image in images], np.intp)


def _crowding(held: Counter[bool], group: list[LabelledImage], share: dict[bool, float]) -> float:
    """How much fuller than its share a fold gets by this group, either label counted alike."""
    added = _count(group)
    return sum(
        ((held[label] + added[label]) / wanted) ** 2 - (held[label] / wanted) ** 2
        for label, wanted in share.items()
    )
