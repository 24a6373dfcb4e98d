"""Grey pictures that are to become DICOM images: arrays, or PNG and JPEG files."""

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

MAX_SIDE = 65535
"""Rows and Columns are 16-bit numbers (PS3.5 US)."""

GreyPixels = NDArray[np.uint8] | NDArray[np.uint16]


class UnusablePicture(ValueError):
    """The picture cannot become a DICOM image; the message says why."""


@dataclass(frozen=True)
class Picture:
    """Grey values [rows, columns], bone bright, and what is known of their origin."""

    pixels: GreyPixels
    spacing_mm: float | None = None
    # How many times smaller a lossy file was than its pixels; None where nothing was lost.
    lossy_ratio: float | None = None

    def __post_init__(self) -> None:
        if self.pixels.ndim != 2 or not self.pixels.size:
            raise UnusablePicture(f"grey pixels have rows and columns, not {self.pixels.shape}")
        if self.pixels.dtype not in (np.uint8, np.uint16):
            raise UnusablePicture(f"pixels are 8 or 16 bit unsigned, not {self.pixels.dtype}")
        if max(self.pixels.shape) > MAX_SIDE:
            raise UnusablePicture(f"a side has at most {MAX_SIDE} pixels, not {self.pixels.shape}")
        if self.spacing_mm is not None and not 0 < self.spacing_mm < float("inf"):
            raise UnusablePicture(f"a pixel cannot be {self.spacing_mm} mm wide")

    @property
    def bits_stored(self) -> int:
        """8, or 12 where that is enough for 16-bit pixels, as detectors store them."""
        if self.pixels.dtype == np.uint8:
            return 8
        return 12 if int(self.pixels.max()) < 1 << 12 else 16


# What Pillow raises for damaged files; struct.error comes from damaged EXIF data.
_UNREADABLE = (OSError, SyntaxError, ValueError, struct.error, Image.DecompressionBombError)


def read_picture(path: Path) -> Picture:
    """A PNG or JPEG, turned upright by its EXIF orientation, its colours made grey."""
    try:
        with Image.open(path, formats=("PNG", "JPEG")) as image:
            lossy = image.format == "JPEG"
            pixels = _grey(ImageOps.exif_transpose(image))
    except _UNREADABLE as problem:
        raise UnusablePicture(f"not a readable PNG or JPEG: {problem}") from problem
    ratio = pixels.nbytes / path.stat().st_size if lossy else None
    return Picture(pixels, lossy_ratio=ratio)


def _grey(image: Image.Image) -> GreyPixels:
    if image.mode.startswith("I"):
        return np.asarray(image).astype(np.uint16)
    return np.asarray(image.convert("L"), np.uint8)
