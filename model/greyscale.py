"""From stored pixel values to what is shown: the greyscale pipeline of PS3.4 N.2."""

import math

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.multival import MultiValue
from pydicom.pixels import apply_color_lut, apply_modality_lut, apply_voi

from model.not_assessable import NotAssessable

Values = NDArray[np.float32]
# Rec. 601: how bright each colour looks.
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
# The darkest and brightest half percent are background, collimation and markers.
_DARK_SHARE, _BRIGHT_SHARE = 0.005, 0.995
_FAINTEST = 1e-6


def grey_of_frame(stored: NDArray[np.number], dataset: Dataset) -> Values:
    """One decoded frame in 0..1, bone bright, padding black."""
    photometric = str(dataset.get("PhotometricInterpretation", "MONOCHROME2"))
    if photometric == "PALETTE COLOR":
        return _luma(_in_full_range(apply_color_lut(stored, dataset)))
    if stored.ndim == 3:
        return _luma(stored)
    padding = _padding(stored, dataset)
    grey = _windowed(_modality_values(stored, dataset), padding, dataset)
    if photometric == "MONOCHROME1":
        grey = 1 - grey
    grey[padding] = 0
    return grey


def _luma(colours: NDArray[np.number]) -> Values:
    brightest = 2 ** (8 * colours.dtype.itemsize) - 1
    return np.asarray(colours.astype(np.float32) @ _LUMA / brightest, np.float32)


def _in_full_range(colours: NDArray[np.number]) -> NDArray[np.number]:
    """Palettes that claim 16 bits but hold 8 are common: PS3.3 C.7.6.3.1.5 once allowed them."""
    return colours.astype(np.uint8) if colours.max() <= 255 else colours


def _modality_values(stored: NDArray[np.number], dataset: Dataset) -> Values:
    with np.errstate(over="ignore"):  # what overflows is refused here
        if _has_lut(dataset, "ModalityLUTSequence"):
            values = np.asarray(apply_modality_lut(stored, dataset), np.float32)
        else:
            values = _rescaled(stored, dataset)
    if not np.isfinite(values).all():
        raise NotAssessable("pixel values are not finite")
    return values


def _rescaled(stored: NDArray[np.number], dataset: Dataset) -> Values:
    slope, intercept = _first(dataset, "RescaleSlope"), _first(dataset, "RescaleIntercept")
    scaled = stored.astype(np.float64) * (1.0 if slope is None else slope)
    return np.asarray(scaled + (intercept or 0.0), np.float32)


def _padding(stored: NDArray[np.number], dataset: Dataset) -> NDArray[np.bool_]:
    """Pixels outside the picture, PS3.3 C.7.5.1.1.2, in stored values."""
    value = dataset.get("PixelPaddingValue")
    if value is None:
        return np.zeros(stored.shape, dtype=np.bool_)
    limit = dataset.get("PixelPaddingRangeLimit", value)
    low, high = sorted((int(value), int(limit)))
    return np.asarray((stored >= low) & (stored <= high))


def _windowed(values: Values, padding: NDArray[np.bool_], dataset: Dataset) -> Values:
    """By VOI LUT, else window, else robustly; a view that shows nothing is not taken."""
    shown = _by_voi_lut(values, dataset)
    if shown is None:
        shown = _by_window(values, dataset)
    if shown is None or np.ptp(shown) < _FAINTEST:
        picture = values[~padding]
        return robust_window(values, picture if picture.size else values)
    return shown


def _by_voi_lut(values: Values, dataset: Dataset) -> Values | None:
    if not _has_lut(dataset, "VOILUTSequence"):
        return None
    shown = apply_voi(np.rint(values).astype(np.int64), dataset, index=0).astype(np.float32)
    brightest = 2 ** int(dataset.VOILUTSequence[0].LUTDescriptor[2]) - 1
    return _between_0_and_1(shown / max(brightest, 1))


def _by_window(values: Values, dataset: Dataset) -> Values | None:
    """PS3.3 C.11.2.1.2 and .3: the first window, by its function."""
    centre, width = _first(dataset, "WindowCenter"), _first(dataset, "WindowWidth")
    function = str(dataset.get("VOILUTFunction") or "LINEAR")
    if centre is None or width is None or width <= (1 if function == "LINEAR" else 0):
        return None
    if function == "SIGMOID":
        slope = np.clip(-4 * (values - centre) / width, -80, 80)
        return _between_0_and_1(1 / (1 + np.exp(slope)))
    if function == "LINEAR":
        centre, width = centre - 0.5, width - 1
    return _between_0_and_1((values - centre) / width + 0.5)


def _between_0_and_1(values: NDArray[np.floating]) -> Values:
    return np.asarray(np.clip(values, 0, 1), np.float32)


def _has_lut(dataset: Dataset, keyword: str) -> bool:
    """Empty sequences and empty items are met in files; they say nothing."""
    items = dataset.get(keyword)
    return bool(items and items[0].get("LUTDescriptor") and items[0].get("LUTData"))


def _first(dataset: Dataset, keyword: str) -> float | None:
    value = dataset.get(keyword)
    if isinstance(value, MultiValue):
        value = value[0] if value else None
    number = float(value) if value not in (None, "") else math.nan
    return number if math.isfinite(number) else None


def robust_window(values: Values, picture: Values | None = None) -> Values:
    """Without a usable window: the picture's own contrast, but for its extremes, in 0..1."""
    low, high = np.quantile(values if picture is None else picture, [_DARK_SHARE, _BRIGHT_SHARE])
    if high <= low:
        low, high = values.min(), values.max()
    scale = max(float(high) - float(low), _FAINTEST)
    return _between_0_and_1((values - low) / scale)
