"""A radiograph as a reader sees it: grey, bone bright, in 0..1, whatever file it came from."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from pydicom import Dataset
from pydicom.misc import is_dicom

from model.dicom_pixels import (
    MAX_DECODED_BYTES,
    UNDECODABLE,
    decoded_frames,
    frame_count,
    in_short,
    open_image,
    refusing_damage,
)
from model.greyscale import grey_of_frame, robust_window
from model.not_assessable import NotAssessable
from model.pixel_spacing import pixel_aspect

__all__ = ["NotAssessable", "Radiograph", "read_dicom", "read_picture", "read_radiographs"]

MAX_FRAMES = 8
DICOM_SUFFIXES = {".dcm", ".dicom"}


@dataclass(frozen=True, slots=True)
class Radiograph:
    """One frame; frame is its 1-based number (Referenced Frame Number) in a multi-frame image."""

    pixels: NDArray[np.float32]  # [rows, columns], 0..1
    pixel_aspect: float = 1.0  # height of a pixel over its width
    frame: int | None = None

    @classmethod
    def of_bytes(cls, pixels: NDArray[np.uint8]) -> Self:
        """As a picture of these greys is read."""
        return cls(np.asarray(pixels, dtype=np.float32) / np.float32(255))

    def to_bytes(self) -> NDArray[np.uint8]:
        """Its greys as a picture holds them."""
        return np.rint(self.pixels * 255).astype(np.uint8)


def read_radiographs(path: Path) -> list[Radiograph]:
    """The frames of a DICOM file, or the one picture of a PNG or JPEG."""
    return read_dicom(path) if holds_dicom(path) else [read_picture(path)]


def holds_dicom(path: Path) -> bool:
    """By its name or by its preamble (PS3.10 7.1); one that cannot be opened is NotAssessable."""
    if not path.is_file():
        raise NotAssessable("there is no such file")
    try:
        return path.suffix.lower() in DICOM_SUFFIXES or is_dicom(path)
    except OSError as problem:
        raise NotAssessable(f"file cannot be read: {problem.strerror}") from problem


def read_dicom(
    source: Dataset | Path | BinaryIO, max_bytes: int = MAX_DECODED_BYTES
) -> list[Radiograph]:
    """The image's frames; of a multi-frame image up to eight, evenly spaced, first and last too.

    A limb is the same in all frames of a run, so eight show it as well as all. Blank frames are
    left out. The caller scores each and keeps the highest.
    """
    dataset = open_image(source, max_bytes)
    with refusing_damage("pixel data cannot be decoded"):
        frames = list(_decode(dataset))
    return _with_contrast(frames)


def _decode(dataset: Dataset) -> Iterator[Radiograph]:
    count = frame_count(dataset)
    chosen = sorted({round(place) for place in np.linspace(0, count - 1, min(count, MAX_FRAMES))})
    aspect = pixel_aspect(dataset)
    for index, stored in zip(chosen, decoded_frames(dataset, chosen), strict=True):
        frame = index + 1 if count > 1 else None
        yield Radiograph(grey_of_frame(stored, dataset), aspect, frame)


def _with_contrast(frames: list[Radiograph]) -> list[Radiograph]:
    shown = [frame for frame in frames if np.ptp(frame.pixels) > 0]
    if not shown:
        raise NotAssessable("blank image: every pixel has the same value")
    return shown


def read_picture(source: Path | BinaryIO, max_bytes: int = MAX_DECODED_BYTES) -> Radiograph:
    """A PNG or JPEG, turned upright by its EXIF orientation: boxes are in the upright picture."""
    try:
        with Image.open(source, formats=("PNG", "JPEG")) as picture:
            _refuse_large_picture(picture, max_bytes)
            grey = _grey_of_picture(ImageOps.exif_transpose(picture))
    except UnidentifiedImageError as problem:
        raise NotAssessable("neither a PNG nor a JPEG picture") from problem
    except (*UNDECODABLE, SyntaxError, Image.DecompressionBombError) as problem:
        raise NotAssessable(f"picture cannot be read: {in_short(problem)}") from problem
    return _with_contrast([Radiograph(grey)])[0]


def _refuse_large_picture(picture: Image.Image, max_bytes: int) -> None:
    claimed = picture.width * picture.height * len(picture.getbands()) * 2
    if claimed > max_bytes:
        raise NotAssessable(f"picture of {picture.width} × {picture.height} pixels is too large")


def _grey_of_picture(picture: Image.Image) -> NDArray[np.float32]:
    if picture.mode.startswith(
        "I"
    ):  # 16 bit: nothing says which of its values are meant to be seen
        return robust_window(np.asarray(picture, dtype=np.float32))
    return np.asarray(picture.convert("L"), dtype=np.float32) / np.float32(255)
