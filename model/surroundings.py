"""Means over the square around each pixel."""

import numpy as np
from numpy.typing import NDArray


def mean_around(values: NDArray[np.floating], side: int) -> NDArray[np.float64]:
    """By running sums, as quick for a large square as for a small one; an odd side in pixels.

    The pixels at the image's edges stand for those outside.
    """
    margins = (side // 2 + 1, side // 2)
    padded = np.pad(values.astype(np.float64), (margins, margins), mode="edge")
    sums = padded.cumsum(axis=0).cumsum(axis=1)
    across = sums[:, side:] - sums[:, :-side]
    return np.asarray((across[side:] - across[:-side]) / side**2)
