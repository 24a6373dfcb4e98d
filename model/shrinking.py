"""A radiograph made small, for measures that need no detail."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Grey = NDArray[np.float32]


def shrink(pixels: Grey, longest_side: int) -> Grey:
    """Averaged over the pixels that become one; an image that is no larger stays as it is."""
    scale = max(1.0, max(pixels.shape) / longest_side)
    rows, columns = (max(1, round(length / scale)) for length in pixels.shape)
    picture = Image.fromarray(np.ascontiguousarray(pixels, dtype=np.float32))
    small = picture.resize((columns, rows), Image.Resampling.BOX, reducing_gap=1.0)
    return np.asarray(small, np.float32)
