"""One frame's stored values, and all that a viewer needs to show them as their file asks."""

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.pixels import apply_voi

from model.dicom_pixels import (
    MAX_DECODED_BYTES,
    decoded_frames,
    frame_count,
    open_image,
    refusing_damage,
    whole,
)
from model.frame_description import (
    LONGEST_TEXT,
    FrameDescription,
    Greyscale,
    PaddingRange,
    Photometric,
    VoiLut,
)
from model.greyscale import (
    Values,
    colours_of_frame,
    has_lut,
    is_padding,
    modality_values,
    padding_range,
    rescale,
    robust_window_of_counts,
    usable_windows,
    view_of,
)
from model.not_assessable import NotAssessable
from model.pixel_spacing import pixel_aspect, pixel_spacing

Stored = NDArray[np.uint8 | np.uint16 | np.int16]


@dataclass(frozen=True, slots=True)
class StoredFrame:
    """uint8, uint16 or int16 [rows, columns]; of an RGB frame uint8 [rows, columns, 3]."""

    pixels: Stored
    description: FrameDescription


def read_stored_frame(
    source: Dataset | Path | BinaryIO, frame: int = 1, max_bytes: int = MAX_DECODED_BYTES
) -> StoredFrame:
    """The frame of this 1-based number; NotAssessable with a reason where it cannot be had."""
    dataset = open_image(source, max_bytes)
    frames = frame_count(dataset)
    if not 1 <= frame <= frames:
        raise NotAssessable(f"there is no frame {frame}: the image has {frames}")
    with refusing_damage("pixel data cannot be decoded"):
        [decoded] = decoded_frames(dataset, [frame - 1])
        colours = colours_of_frame(decoded, dataset)
        if colours is not None:
            return _described(_in_8_bits(colours), None, frame, dataset)
        return _described(*_grey(decoded, dataset), frame, dataset)


def _described(
    pixels: Stored, greyscale: Greyscale | None, frame: int, dataset: Dataset
) -> StoredFrame:
    description = FrameDescription(
        rows=pixels.shape[0],
        columns=pixels.shape[1],
        frame=frame,
        frames=frame_count(dataset),
        photometric_interpretation=_photometric(greyscale, dataset),
        greyscale=greyscale,
        pixel_aspect=pixel_aspect(dataset),
        spacing=pixel_spacing(dataset),
    )
    return StoredFrame(pixels, description)


def _photometric(greyscale: Greyscale | None, dataset: Dataset) -> Photometric:
    if greyscale is None:
        return "RGB"
    is_inverse = dataset.get("PhotometricInterpretation") == "MONOCHROME1"
    return "MONOCHROME1" if is_inverse else "MONOCHROME2"


def _in_8_bits(colours: NDArray[np.number]) -> Stored:
    if colours.dtype.kind != "u":
        raise NotAssessable("colours are not stored as unsigned whole numbers")
    highest = colours >> (8 * colours.dtype.itemsize - 8)  # type: ignore[operator]
    return np.ascontiguousarray(highest, np.uint8)


def _grey(decoded: NDArray[np.number], dataset: Dataset) -> tuple[Stored, Greyscale]:
    """Whatever depends on values is asked of the distinct ones: there are at most 65,536."""
    pixels = _in_16_bits(decoded)
    stored, counts = _count(pixels)
    values = modality_values(stored, dataset)
    padding = padding_range(dataset)
    inside = ~is_padding(stored, padding)
    inside |= not inside.any()
    bits, (slope, intercept) = whole(dataset, "BitsStored", 16), rescale(dataset)
    if has_lut(dataset, "ModalityLUTSequence"):
        bits, slope, intercept, padding = _lut_bits(dataset), 1.0, 0.0, None
        pixels, stored = _looked_up(pixels, stored, values)
    greyscale = Greyscale(
        bits_stored=_bits(stored, bits),
        is_signed=stored.dtype.kind == "i",
        smallest_stored=int(stored[inside].min()),
        largest_stored=int(stored[inside].max()),
        padding=padding and PaddingRange(lowest=padding[0], highest=padding[1]),
        rescale_slope=slope,
        rescale_intercept=intercept,
        voi_lut=_voi_lut(dataset),
        windows=usable_windows(dataset),
        robust_window=robust_window_of_counts(values[inside], counts[inside]),
        view=view_of(values, dataset)[0],
    )
    return pixels, greyscale


def _in_16_bits(decoded: NDArray[np.number]) -> Stored:
    """The same numbers, little endian and in rows, in the smallest cell a browser knows."""
    if decoded.dtype.kind not in "iu":
        raise NotAssessable("pixels are not stored as whole numbers")
    if decoded.dtype in (np.uint8, np.uint16, np.int16):
        return np.ascontiguousarray(decoded, decoded.dtype.newbyteorder("<"))
    lowest, highest = int(decoded.min()), int(decoded.max())
    for cell in (np.int16, np.uint16) if decoded.dtype.kind == "i" else (np.uint16,):
        if np.iinfo(cell).min <= lowest and highest <= np.iinfo(cell).max:
            return np.ascontiguousarray(decoded, np.dtype(cell).newbyteorder("<"))
    raise NotAssessable(f"stored values from {lowest} to {highest} do not fit into 16 bits")


def _count(pixels: Stored) -> tuple[Stored, NDArray[np.intp]]:
    """The values there are, in no order, and how often."""
    counts = np.bincount(_unsigned(pixels).ravel())
    present = np.flatnonzero(counts)
    return present.astype(f"<u{pixels.itemsize}").view(pixels.dtype), counts[present]


def _unsigned(pixels: Stored) -> NDArray[np.unsignedinteger]:
    return pixels.view(f"<u{pixels.itemsize}")


def _looked_up(pixels: Stored, stored: Stored, values: Values) -> tuple[Stored, Stored]:
    """Pixels and their distinct values after the Modality LUT: values[i] stands for stored[i]."""
    mapped = values.astype("<u2")
    table = np.zeros(1 << 8 * pixels.itemsize, mapped.dtype)
    table[_unsigned(stored)] = mapped
    return table[_unsigned(pixels)], mapped


def _lut_bits(dataset: Dataset) -> int:
    return int(dataset.ModalityLUTSequence[0].LUTDescriptor[2])


def _bits(stored: Stored, claimed: int) -> int:
    """As many as claimed, or as the values need: a codestream can be wider than its header says."""
    lowest, highest = int(stored.min()), int(stored.max())
    signed = stored.dtype.kind == "i"
    needed = max(highest.bit_length(), (~lowest).bit_length() if lowest < 0 else 0) + signed
    return max(1, needed, min(claimed, 8 * stored.itemsize))


def _voi_lut(dataset: Dataset) -> VoiLut | None:
    if not has_lut(dataset, "VOILUTSequence"):
        return None
    item = dataset.VOILUTSequence[0]
    entries, first, bits = map(int, item.LUTDescriptor)
    inputs = np.arange(first, first + (entries or 1 << 16))  # PS3.3 C.11.2.1.1: 0 is 65,536
    return VoiLut(
        first_mapped=first,
        bits=bits,
        data=tuple(apply_voi(inputs, dataset, index=0).tolist()),
        explanation=str(item.get("LUTExplanation") or "")[:LONGEST_TEXT],
    )
