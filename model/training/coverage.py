"""Teaching a finished network what it was made for, and where to stop answering."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from model.networks.localising import LocalisingNetwork

Features = NDArray[np.float32]

# A direction in which radiographs hardly differ is held to vary at least this share of all.
_LEAST_VARIANCE_SHARE = 1e-4
# Of the radiographs it was trained on, one in 500 may be called strange; of another source's,
# which are stranger and still radiographs of limbs, one in 50.
COVERED_SHARE, COVERED_SHARE_ELSEWHERE = 0.998, 0.98
# Another source's radiographs are few: each counts twice when directions are sought.
_ELSEWHERE_WEIGHT = 2


@dataclass(frozen=True, slots=True)
class Source:
    """Radiographs of one source as the network describes them, [n, deep], with their groups."""

    pooled: Features
    groups: Sequence[str]

    def half(self, which: int) -> Features:
        """Every second group, or the others."""
        numbers = {group: n for n, group in enumerate(sorted(set(self.groups)))}
        return self.pooled[[numbers[group] % 2 == which for group in self.groups]]


@dataclass(frozen=True, slots=True)
class Directions:
    """Where radiographs lie, and how far they spread along their main directions."""

    centre: Features  # [deep]
    scaled: Features  # [directions, deep]

    def strangeness(self, pooled: Features) -> Features:
        """As the network's own head computes it, [n]."""
        return np.asarray((((pooled - self.centre) @ self.scaled.T) ** 2).mean(axis=1))


def fit_directions(pooled: Features, count: int) -> Directions:
    """Principal directions, each measured by its own spread."""
    centre = pooled.mean(axis=0)
    _, spread, directions = np.linalg.svd(pooled - centre, full_matrices=False)
    variance = spread**2 / len(pooled)
    kept = np.maximum(variance[:count], _LEAST_VARIANCE_SHARE * variance.sum())
    scaled = np.zeros((count, pooled.shape[1]), np.float32)
    scaled[: len(kept)] = directions[:count] / np.sqrt(kept)[:, None]
    return Directions(centre, scaled)


def fit_coverage(network: LocalisingNetwork, learned: Source, elsewhere: Source | None) -> float:
    """Fit the strangeness head; returns the limit, set on groups that the directions never saw."""
    head = network.strangeness_head
    assert head is not None
    count = len(head.directions)
    limits = []
    for half in (0, 1):
        seen = fit_directions(_together(learned.half(half), elsewhere, half), count)
        limits.append(_limit(seen, learned.half(1 - half), elsewhere, 1 - half))
    whole = fit_directions(_together(learned.pooled, elsewhere, None), count)
    head.centre.copy_(torch.from_numpy(whole.centre))
    head.directions.copy_(torch.from_numpy(whole.scaled))
    return round(float(np.mean(limits)), 4)


def _together(learned: Features, elsewhere: Source | None, half: int | None) -> Features:
    if elsewhere is None:
        return learned
    other = elsewhere.pooled if half is None else elsewhere.half(half)
    return np.concatenate([learned, *[other] * _ELSEWHERE_WEIGHT])


def _limit(seen: Directions, learned: Features, elsewhere: Source | None, half: int) -> float:
    """Beyond what nearly all radiographs reach, those of another source too."""
    limit = float(np.quantile(seen.strangeness(learned), COVERED_SHARE))
    if elsewhere is None:
        return limit
    other = np.quantile(seen.strangeness(elsewhere.half(half)), COVERED_SHARE_ELSEWHERE)
    return max(limit, float(other))
