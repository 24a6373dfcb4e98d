"""How well several scores rank the same images, each beside one of them in the same redraws."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from model.evaluation.metrics import auroc
from model.evaluation.ranked import Ranking
from model.evaluation.redraws import Redraws, interval
from model.figures import Interval

Values = NDArray[np.float64]


def rank_beside(
    scores: Mapping[str, Values], labels: Values, redraws: Redraws, standard: str
) -> dict[str, tuple[Interval, Interval]]:
    """By name the AUROC, and what it lies above that of the standard."""
    values = {name: auroc(said, labels) for name, said in scores.items()}
    redrawn = {name: redraws.each(Ranking(said, labels).auroc) for name, said in scores.items()}
    return {
        name: (
            interval(value, redrawn[name]),
            interval(value - values[standard], redrawn[name] - redrawn[standard]),
        )
        for name, value in values.items()
    }
