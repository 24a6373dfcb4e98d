"""How well the region is told, on images whose region is known."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import confusion_matrix

from model.datasets.labelled import REGIONS
from model.evaluation.measured import Measured
from model.evaluation.redraws import Redraws, mean_interval
from model.figures import Interval


@dataclass(frozen=True, slots=True)
class RegionConfusion:
    """Counts of images [true][told], of those that show one region only."""

    names: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    several_shown: int  # images left out because they show more than one region


def region_accuracy(measured: Sequence[Measured]) -> Interval | None:
    """The share of images whose likeliest region is one of those shown."""
    known = [one for one in measured if _comparable(one)]
    if not known:
        return None
    right = np.array([_told(one) in _shown(one) for one in known], dtype=np.float64)
    return mean_interval(right, Redraws.of(one.image.group for one in known))


def region_confusion(measured: Sequence[Measured]) -> RegionConfusion | None:
    """None where nothing is told or known of regions."""
    known = [one for one in measured if _comparable(one)]
    if not known:
        return None
    single = [one for one in known if len(_shown(one)) == 1]
    true, told = [_shown(one)[0] for one in single], [_told(one) for one in single]
    counts = confusion_matrix(true, told, labels=REGIONS) if single else np.zeros((0, 0), int)
    return RegionConfusion(
        REGIONS, tuple(tuple(map(int, row)) for row in counts), len(known) - len(single)
    )


def _comparable(one: Measured) -> bool:
    return one.judged and bool(one.regions) and any(one.image.regions)


def _shown(one: Measured) -> list[str]:
    return [name for name, shown in zip(REGIONS, one.image.regions, strict=True) if shown > 0]


def _told(one: Measured) -> str:
    return max(one.regions, key=lambda name: one.regions[name])
