"""What is shown of a tried image: its greys as the classifier saw them, and its heatmap."""

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.radiograph import Radiograph

LONGER_SIDE = 1600
_FAST = 1  # of zlib's levels: the picture travels once


def preview_png(radiograph: Radiograph) -> bytes:
    """Grey, its pixels square, no side longer than LONGER_SIDE."""
    rows, columns = radiograph.pixels.shape
    height = rows * radiograph.pixel_aspect
    shrink = min(1.0, LONGER_SIDE / max(height, columns))
    size = (max(1, round(columns * shrink)), max(1, round(height * shrink)))
    picture = Image.fromarray(radiograph.to_bytes())
    return _png(picture.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0))


def heatmap_png(heatmap: NDArray[np.float32]) -> bytes:
    """Grey over the whole image, coarser than it: 255 is a probability of 1."""
    return _png(Image.fromarray(np.rint(np.clip(heatmap, 0, 1) * 255).astype(np.uint8)))


def _png(picture: Image.Image) -> bytes:
    file = BytesIO()
    picture.save(file, "PNG", compress_level=_FAST)
    return file.getvalue()
