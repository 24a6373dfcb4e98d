"""A radiograph as a reader sees it: grey, bone bright, in 0..1, whatever file it came from."""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError
from pydicom.misc import is_dicom
from pydicom.pixels import iter_pixels

from model.greyscale import grey_of_frame, robust_window
from model.not_assessable import NotAssessable

__all__ = ["NotAssessable", "Radiograph", "read_dicom", "read_picture", "read_radiographs"]

MAX_DECODED_BYTES = 512 << 20  # five times the largest detector's image
MAX_FRAMES = 8
DICOM_SUFFIXES = {".dcm", ".dicom"}
# What pydicom and its decoders raise on damaged or unsupported pixel data.
UNDECODABLE = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
_PLUGINS_FAILED = "Unable to decode as exceptions were raised by all available plugins: "
_BELIEVABLE_ASPECT = (0.1, 10.0)


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
    dataset = source if isinstance(source, Dataset) else _read_file(source)
    _refuse_without_pixels(dataset)
    _refuse_too_large(dataset, max_bytes)
    try:
        frames = list(_decode(dataset))
    except UNDECODABLE as problem:
        raise NotAssessable(f"pixel data cannot be decoded: {_in_short(problem)}") from problem
    return _with_contrast(frames)


def _read_file(source: Path | BinaryIO) -> Dataset:
    try:
        return dcmread(source)
    except InvalidDicomError as problem:
        raise NotAssessable("not a DICOM file") from problem
    except UNDECODABLE as problem:
        raise NotAssessable(f"DICOM file cannot be read: {_in_short(problem)}") from problem


def _refuse_without_pixels(dataset: Dataset) -> None:
    if not any(key in dataset for key in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        raise NotAssessable("no pixel data")
    if not (_whole(dataset, "Rows", 0) > 0 and _whole(dataset, "Columns", 0) > 0):
        raise NotAssessable("no rows or no columns")


def _refuse_too_large(dataset: Dataset, max_bytes: int) -> None:
    """Before decoding: a few bytes of header can claim more memory than any machine has."""
    samples, bits = _whole(dataset, "SamplesPerPixel", 1), _whole(dataset, "BitsAllocated", 16)
    pixels = _whole(dataset, "Rows", 0) * _whole(dataset, "Columns", 0)
    claimed = pixels * _frame_count(dataset) * samples * max(bits, 8) // 8
    if claimed > max_bytes:
        megabytes = claimed // 1_000_000
        raise NotAssessable(
            f"image claims {megabytes} MB decoded, the limit is {max_bytes // 1_000_000} MB"
        )


def _whole(dataset: Dataset, keyword: str, absent: int) -> int:
    value = dataset.get(keyword)
    try:
        return absent if value in (None, "") else int(value)
    except (TypeError, ValueError) as problem:
        raise NotAssessable(f"{keyword} is not a number") from problem


def _frame_count(dataset: Dataset) -> int:
    return max(1, _whole(dataset, "NumberOfFrames", 1))


def _decode(dataset: Dataset) -> Iterator[Radiograph]:
    count = _frame_count(dataset)
    chosen = sorted({round(place) for place in np.linspace(0, count - 1, min(count, MAX_FRAMES))})
    aspect = _pixel_aspect(dataset)
    for index, stored in zip(chosen, iter_pixels(dataset, indices=chosen), strict=True):
        frame = index + 1 if count > 1 else None
        yield Radiograph(grey_of_frame(stored, dataset), aspect, frame)


def _pixel_aspect(dataset: Dataset) -> float:
    """PS3.3 C.7.6.3.1.7: the ratio is stated only where no spacing is; both name rows first."""
    for keyword in ("PixelSpacing", "ImagerPixelSpacing", "PixelAspectRatio"):
        value = dataset.get(keyword)
        if value and len(value) == 2 and float(value[1]) > 0:
            aspect = float(value[0]) / float(value[1])
            return aspect if _BELIEVABLE_ASPECT[0] <= aspect <= _BELIEVABLE_ASPECT[1] else 1.0
    return 1.0


def _with_contrast(frames: list[Radiograph]) -> list[Radiograph]:
    shown = [frame for frame in frames if np.ptp(frame.pixels) > 0]
    if not shown:
        raise NotAssessable("blank image: every pixel has the same value")
    return shown


def read_picture(path: Path, max_bytes: int = MAX_DECODED_BYTES) -> Radiograph:
    """A PNG or JPEG, turned upright by its EXIF orientation: boxes are in the upright picture."""
    try:
        with Image.open(path, formats=("PNG", "JPEG")) as picture:
            _refuse_large_picture(picture, max_bytes)
            grey = _grey_of_picture(ImageOps.exif_transpose(picture))
    except UnidentifiedImageError as problem:
        raise NotAssessable("neither a PNG nor a JPEG picture") from problem
    except (*UNDECODABLE, SyntaxError, Image.DecompressionBombError) as problem:
        raise NotAssessable(f"picture cannot be read: {_in_short(problem)}") from problem
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


def _in_short(problem: BaseException) -> str:
    """One line of at most 240 characters: decoders like to tell long stories."""
    story = " ".join(str(problem).split()).removeprefix(_PLUGINS_FAILED)
    return story[:240] or type(problem).__name__
