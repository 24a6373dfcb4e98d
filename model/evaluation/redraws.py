"""The grouped bootstrap: what a figure would be if other patients had come.

Whole groups are redrawn, because images of one patient are alike. A redraw is a weight for each
image, how often it was drawn, so that a thousand redraws of a figure are one product of matrices.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from model.figures import Interval

Values = NDArray[np.float64]
Rows = NDArray[np.bool_]

_REDRAWS = 1000
_TAILS = (0.025, 0.975)
# Weights are made in blocks of at most so many numbers: about 60 MB with all that is made of them.
_BLOCK = 2_000_000


@dataclass(frozen=True, slots=True)
class Redraws:
    """How often each group was drawn, and which group each image belongs to."""

    drawn: Values  # [redraws, groups]
    member: NDArray[np.intp]  # [images]

    @classmethod
    def of(cls, groups: Iterable[str], redraws: int = _REDRAWS) -> "Redraws":
        """As many groups in each redraw as there are, each as likely as the others."""
        names, member = np.unique(np.array(list(groups), dtype=np.str_), return_inverse=True)
        even = np.full(len(names), 1 / max(len(names), 1))
        drawn = np.random.default_rng(0).multinomial(len(names), even, size=redraws)
        return cls(drawn.astype(np.float64), member)

    def only(self, rows: Rows) -> "Redraws":
        """The same redraws of some of the images."""
        return replace(self, member=self.member[rows])

    def each(self, figure: Callable[[Values], Values], width: int = 0) -> Values:
        """The figure, or figures, of every redraw, from weights [block, images].

        `width` is the longest row that the figure makes of a weighting, if longer than that.
        """
        step = max(1, _BLOCK // max(len(self.member), width, 1))
        starts = range(0, len(self.drawn), step)
        with np.errstate(divide="ignore", invalid="ignore"):  # a redraw may lack what is asked for
            blocks = [figure(self.drawn[at : at + step][:, self.member]) for at in starts]
        return np.concatenate(blocks)


def interval(value: float, redrawn: Values) -> Interval:
    """The value and the middle 95 % of its redraws; those that have no such figure are left out."""
    low, high = np.nanquantile(redrawn, _TAILS)
    return Interval(value=round(value, 4), low=round(float(low), 4), high=round(float(high), 4))


def mean_interval(values: Values, redraws: Redraws) -> Interval:
    """The mean over images, as of hits (0 and 1), counts or squared errors."""
    redrawn = redraws.each(lambda weights: (weights @ values) / weights.sum(axis=1))
    return interval(float(values.mean()), redrawn)
