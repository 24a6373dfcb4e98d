"""What an image's logits say beside the fracture: region, hardware, type, and if to answer."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.card import Card
from model.prediction import State
from model.runtime import Logits


@dataclass(frozen=True, slots=True)
class Answers:
    """Probabilities by name; empty or None where the network does not tell."""

    regions: dict[str, float]
    hardware: float | None
    types: dict[str, float]
    type_operating_point: float
    strange: bool  # of nothing that was learned
    doubtful: bool  # perhaps of nothing that was learned

    @property
    def region(self) -> str | None:
        """The likeliest."""
        return max(self.regions, key=self.regions.__getitem__) if self.regions else None

    @property
    def region_probability(self) -> float | None:
        return max(self.regions.values()) if self.regions else None

    def told_type(self, state: State | None) -> tuple[str | None, float | None]:
        """The likeliest type with its probability: of a fracture, and only if it is sure enough.

        A network that tells types alone (state is None) always says its likeliest.
        """
        if not self.types or state not in (State.FRACTURE, None):
            return None, None
        likeliest = max(self.types, key=self.types.__getitem__)
        if state is not None and not self._told(self.types[likeliest]):
            return None, None
        return likeliest, self.types[likeliest]

    def _told(self, probability: float) -> bool:
        """From its point on; a point of 1 stands for never."""
        return self.type_operating_point < 1 and probability >= self.type_operating_point


def read_answers(card: Card, logits: Logits) -> Answers:
    """Of one image, by the card's lists."""
    regions, types = logits.get("regions"), logits.get("types")
    hardware, strangeness = logits.get("hardware"), logits.get("strangeness")
    seen = -np.inf if strangeness is None else float(strangeness)
    covered = card.coverage
    named = card.network
    return Answers(
        regions={} if regions is None else _by_name(named.regions, _sigmoid(regions)),
        hardware=None if hardware is None else round(float(_sigmoid(hardware)), 4),
        types={} if types is None else _by_name(named.types, _softmax(types)),
        type_operating_point=card.type_point.probability if card.type_point is not None else 1.0,
        strange=covered is not None and seen >= covered.limit,
        doubtful=covered is not None and seen >= covered.doubt,
    )


def _by_name(names: tuple[str, ...], values: NDArray[np.float32]) -> dict[str, float]:
    return {name: round(float(value), 4) for name, value in zip(names, values, strict=True)}


def _sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(1 / (1 + np.exp(-logits)), np.float32)


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    powers = np.exp(logits - logits.max())
    return np.asarray(powers / powers.sum(), np.float32)
