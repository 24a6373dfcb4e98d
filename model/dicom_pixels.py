"""Stored pixel values out of a DICOM file, by limits that hold before anything is decoded."""

import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.encaps import get_frame
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.pixels import iter_pixels
from pydicom.uid import (
    HTJ2K,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEG2000TransferSyntaxes,
    JPEGLSTransferSyntaxes,
    JPEGTransferSyntaxes,
    RLELossless,
)

from model.codestream import matrix_in
from model.not_assessable import NotAssessable

MAX_DECODED_BYTES = 512 << 20  # five times the largest detector's image
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
    BytesLengthException,
)
_TELLING_THEIR_SIZE = frozenset(
    {
        *JPEGTransferSyntaxes,
        *JPEGLSTransferSyntaxes,
        *JPEG2000TransferSyntaxes,
        *(HTJ2K, HTJ2KLossless, HTJ2KLosslessRPCL),
    }
)
_PLUGINS_FAILED = "Unable to decode as exceptions were raised by all available plugins: "


@contextmanager
def refusing_damage(said: str) -> Iterator[None]:
    """What a damaged file makes pydicom raise becomes a NotAssessable."""
    try:
        yield
    except RecursionError as problem:
        raise NotAssessable("sequences are nested too deeply") from problem
    except UNDECODABLE as problem:
        raise NotAssessable(f"{said}: {in_short(problem)}") from problem


def open_image(source: Dataset | Path | BinaryIO, max_bytes: int) -> Dataset:
    """A data set whose pixels are worth decoding: they are there, and of a believable size."""
    dataset = source if isinstance(source, Dataset) else _read_file(source)
    with refusing_damage("the image cannot be read"):  # pydicom reads a value when it is asked for
        _refuse_without_pixels(dataset)
        _refuse_too_large(dataset, max_bytes)
    return dataset


def frame_count(dataset: Dataset) -> int:
    return max(1, whole(dataset, "NumberOfFrames", 1))


def decoded_frames(dataset: Dataset, indices: Sequence[int]) -> Iterator[NDArray[np.number]]:
    """Stored values of the frames at these places: [rows, columns], colours [rows, columns, 3]."""
    _refuse_other_matrix(dataset, indices)
    if not _lies_high(dataset):
        yield from iter_pixels(dataset, indices=indices)
        return
    for frame in iter_pixels(dataset, indices=indices, correct_unused_bits=False):
        yield _moved_down(frame, dataset)


def _refuse_other_matrix(dataset: Dataset, indices: Sequence[int]) -> None:
    """A codestream allocates what it says of itself, and is laid out as the header says."""
    if dataset.file_meta.TransferSyntaxUID not in _TELLING_THEIR_SIZE:
        return
    said = whole(dataset, "Rows", 0), whole(dataset, "Columns", 0)
    for index in indices:
        coded = matrix_in(_coded_frame(dataset, index))
        if coded not in (None, said):
            raise NotAssessable(
                "the compressed pixels are of {} rows and {} columns, ".format(*coded)
                + "the header says {} and {}".format(*said)
            )


def _coded_frame(dataset: Dataset, index: int) -> bytes:
    offsets = None
    if dataset.get("ExtendedOffsetTable"):
        offsets = (dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths)
    return get_frame(  # type: ignore[no-any-return]
        dataset.PixelData,
        index,
        number_of_frames=frame_count(dataset),
        extended_offsets=offsets,
    )


def _lies_high(dataset: Dataset) -> bool:
    """PS3.5 8.1.1 once left a value's place in its cell to High Bit; pydicom takes it as lowest."""
    stored, allocated = whole(dataset, "BitsStored", 16), whole(dataset, "BitsAllocated", 16)
    if not stored <= whole(dataset, "HighBit", stored - 1) < allocated:
        return False
    syntax = dataset.file_meta.TransferSyntaxUID
    return syntax == RLELossless or not syntax.is_encapsulated  # codestreams know no High Bit


def _moved_down(frame: NDArray[Any], dataset: Dataset) -> NDArray[Any]:
    cell = 8 * frame.dtype.itemsize
    above = cell - 1 - int(dataset.HighBit)
    return (frame << above) >> (cell - int(dataset.BitsStored))


def _read_file(source: Path | BinaryIO) -> Dataset:
    try:
        with refusing_damage("DICOM file cannot be read"):
            return dcmread(source)
    except InvalidDicomError as problem:
        raise NotAssessable("not a DICOM file") from problem


def _refuse_without_pixels(dataset: Dataset) -> None:
    if not any(key in dataset for key in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        raise NotAssessable("no pixel data")
    if not (whole(dataset, "Rows", 0) > 0 and whole(dataset, "Columns", 0) > 0):
        raise NotAssessable("no rows or no columns")


def _refuse_too_large(dataset: Dataset, max_bytes: int) -> None:
    """Before decoding: a few bytes of header can claim more memory than any machine has."""
    samples, bits = whole(dataset, "SamplesPerPixel", 1), whole(dataset, "BitsAllocated", 16)
    pixels = whole(dataset, "Rows", 0) * whole(dataset, "Columns", 0)
    claimed = pixels * frame_count(dataset) * samples * max(bits, 8) // 8
    if claimed > max_bytes:
        megabytes = claimed // 1_000_000
        raise NotAssessable(
            f"image claims {megabytes} MB decoded, the limit is {max_bytes // 1_000_000} MB"
        )


def whole(dataset: Dataset, keyword: str, absent: int) -> int:
    try:
        value = dataset.get(keyword)
        return absent if value in (None, "") else int(value)
    except (TypeError, ValueError) as problem:
        raise NotAssessable(f"{keyword} is not a number") from problem


def in_short(problem: BaseException) -> str:
    """One line of at most 240 characters: decoders like to tell long stories."""
    story = " ".join(str(problem).split()).removeprefix(_PLUGINS_FAILED)
    return story[:240] or type(problem).__name__
