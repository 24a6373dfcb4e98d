"""What a picture may be put through before a network: medians against noise, CLAHE for contrast.

CLAHE is contrast limited adaptive histogram equalisation, of which nothing installed has any:
K. Zuiderveld, Graphics Gems IV (1994) 474–485, in the way of OpenCV's `createCLAHE`. What is
clipped is handed out once, evenly, and grey is mixed between the maps of the four nearest tiles.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

Grey = NDArray[np.uint8]
Values = NDArray[np.float64]

PLAIN = "as it is"
TILES = 8  # along each side
CLIP_LIMIT = 2.0  # times the mean count of a grey level
_LEVELS = 256


def equalise_locally(grey: Grey) -> Grey:
    """The picture with each tile's grey levels spread out, but no level by more than the limit."""
    rows, columns = grey.shape
    height, width = -(-rows // TILES), -(-columns // TILES)
    margins = (0, TILES * height - rows), (0, TILES * width - columns)
    maps = _level_maps(_tiles(np.pad(grey, margins, mode="reflect"), height, width))
    (top, bottom, down), (left, right, across) = _between(rows, height), _between(columns, width)
    upper = _mixed(maps[top[:, None], left, grey], maps[top[:, None], right, grey], across)
    lower = _mixed(maps[bottom[:, None], left, grey], maps[bottom[:, None], right, grey], across)
    return np.rint(_mixed(upper, lower, down[:, None])).astype(np.uint8)


def _tiles(grey: Grey, height: int, width: int) -> Grey:
    """[tiles, pixels], row by row."""
    return grey.reshape(TILES, height, TILES, width).swapaxes(1, 2).reshape(TILES**2, -1)


def _level_maps(tiles: Grey) -> Values:
    """What each grey level becomes in each tile, [rows of tiles, columns of tiles, levels]."""
    numbered = tiles + _LEVELS * np.arange(len(tiles))[:, None]
    counts = np.bincount(numbered.ravel(), minlength=_LEVELS * len(tiles)).reshape(-1, _LEVELS)
    pixels = tiles.shape[1]
    limit = max(1, int(CLIP_LIMIT * pixels / _LEVELS))
    handed_out = np.maximum(counts - limit, 0).sum(axis=1, keepdims=True) / _LEVELS
    spread = np.cumsum(np.minimum(counts, limit) + handed_out, axis=1)
    return np.asarray(spread * (_LEVELS - 1) / pixels).reshape(TILES, TILES, _LEVELS)


def _between(pixels: int, side: int) -> tuple[NDArray[np.intp], NDArray[np.intp], Values]:
    """For each pixel along a side the tile before, the tile after, and its way between them."""
    place = np.arange(pixels) / side - 0.5
    before = np.floor(place).astype(np.intp)
    return np.maximum(before, 0), np.minimum(before + 1, TILES - 1), place - before


def _mixed(first: Values, second: Values, share: Values) -> Values:
    return first * (1 - share) + second * share


FILTERS: dict[str, Callable[[Grey], Grey]] = {
    PLAIN: lambda grey: grey,
    "median of 3 × 3": partial(median_filter, size=3, mode="nearest"),
    "median of 5 × 5": partial(median_filter, size=5, mode="nearest"),
    "CLAHE": equalise_locally,
}
