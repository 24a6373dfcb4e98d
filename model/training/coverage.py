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


@dataclass(frozen=True, slots=True)
class Shares:
    """So many radiographs of limbs must lie below a limit."""

    learned: float  # of the source it was trained on
    elsewhere: float  # of another source's, which are stranger and still radiographs of limbs


COVERED, BEYOND_DOUBT = Shares(0.998, 0.98), Shares(0.99, 0.90)
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


@dataclass(frozen=True, slots=True)
class Limits:
    """From which strangeness on nothing is said, and from which on no fracture is ruled out."""

    covered: float
    beyond_doubt: float


def fit_coverage(network: LocalisingNetwork, learned: Source, elsewhere: Source | None) -> Limits:
    """Fit the strangeness head; the limits are set on groups that the directions never saw."""
    head = network.strangeness_head
    assert head is not None
    count = len(head.directions)
    found: list[tuple[float, float]] = []
    for half in (0, 1):
        seen = fit_directions(_together(learned.half(half), elsewhere, half), count)
        strange = seen.strangeness(learned.half(1 - half))
        other = None if elsewhere is None else seen.strangeness(elsewhere.half(1 - half))
        found.append((_limit(strange, other, COVERED), _limit(strange, other, BEYOND_DOUBT)))
    whole = fit_directions(_together(learned.pooled, elsewhere, None), count)
    head.centre.copy_(torch.from_numpy(whole.centre))
    head.directions.copy_(torch.from_numpy(whole.scaled))
    covered, beyond_doubt = (round(float(limit), 4) for limit in np.mean(found, axis=0))
    return Limits(covered, beyond_doubt)


def _together(learned: Features, elsewhere: Source | None, half: int | None) -> Features:
    if elsewhere is None:
        return learned
    other = elsewhere.pooled if half is None else elsewhere.half(half)
    return np.concatenate([learned, *[other] * _ELSEWHERE_WEIGHT])


def _limit(learned: Features, elsewhere: Features | None, shares: Shares) -> float:
    """Beyond what so many radiographs reach, those of another source too."""
    limit = float(np.quantile(learned, shares.learned))
    if elsewhere is None:
        return limit
    return max(limit, float(np.quantile(elsewhere, shares.elsewhere)))
