"""The way into the network's square input, and where the image lies in it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.radiograph import Radiograph

# Darker and brighter than these shares of the picture is background, collimation or a lead marker.
_DARK_SHARE, _BRIGHT_SHARE = 0.005, 0.995
# Less than this is noise: it is not blown up to look like a picture.
_LEAST_CONTRAST = 1e-3


@dataclass(frozen=True, slots=True)
class Letterbox:
    """Where the stored pixels lie in the square; all lengths in the square's pixels."""

    rows: int  # stored
    columns: int  # stored
    side: int
    top: int
    left: int
    height: int
    width: int

    def to_square(self, x: float, y: float) -> tuple[float, float]:
        """A point in stored pixels in the square."""
        return (
            self.left + x * self.width / self.columns,
            self.top + y * self.height / self.rows,
        )


def fit_letterbox(rows: int, columns: int, pixel_aspect: float, side: int) -> Letterbox:
    """The long side fills the square; a pixel's height over its width (pixel_aspect) is undone."""
    tall = rows * pixel_aspect
    scale = side / max(tall, columns)
    height, width = max(1, round(tall * scale)), max(1, round(columns * scale))
    top, left = (side - height) // 2, (side - width) // 2
    return Letterbox(rows, columns, side, top, left, height, width)


def letterbox(radiograph: Radiograph, side: int) -> tuple[NDArray[np.uint8], Letterbox]:
    """The network's input: an antialiased, contrast-stretched square, black around the image."""
    pixels = radiograph.pixels
    frame = fit_letterbox(pixels.shape[0], pixels.shape[1], radiograph.pixel_aspect, side)
    picture = Image.fromarray(np.ascontiguousarray(pixels, dtype=np.float32))
    small = np.asarray(picture.resize((frame.width, frame.height), Image.Resampling.BILINEAR))
    square = np.zeros((side, side), dtype=np.uint8)
    inside = slice(frame.top, frame.top + frame.height), slice(frame.left, frame.left + frame.width)
    square[inside] = np.rint(_stretch(small) * 255).astype(np.uint8)
    return square, frame


def _stretch(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """One contrast for all: windows differ between modalities, bones do not."""
    dark, bright = np.quantile(pixels, [_DARK_SHARE, _BRIGHT_SHARE])
    stretched = (pixels - dark) / max(bright - dark, _LEAST_CONTRAST)
    return np.asarray(np.clip(stretched, 0, 1), np.float32)
