"""From stored pixel values to what is shown: the greyscale pipeline of PS3.4 N.2."""

import math
from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.multival import MultiValue
from pydicom.pixels import apply_color_lut, apply_modality_lut, apply_voi

from model.frame_description import LONGEST_TEXT, View, VoiFunction, Window
from model.not_assessable import NotAssessable

Values = NDArray[np.float32]
# Rec. 601: how bright each colour looks.
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
# The darkest and brightest half percent are background, collimation and markers.
_ROBUST_SHARES = (0.005, 0.995)
_FAINTEST = 1e-6


def grey_of_frame(stored: NDArray[np.number], dataset: Dataset) -> Values:
    """One decoded frame in 0..1, bone bright, padding black."""
    photometric = str(dataset.get("PhotometricInterpretation", "MONOCHROME2"))
    colours = colours_of_frame(stored, dataset)
    if colours is not None:
        return _luma(colours)
    padding = is_padding(stored, padding_range(dataset))
    grey = _shown(modality_values(stored, dataset), padding, dataset)
    if photometric == "MONOCHROME1":
        grey = 1 - grey
    grey[padding] = 0
    return grey


def colours_of_frame(stored: NDArray[np.number], dataset: Dataset) -> NDArray[np.number] | None:
    """Red, green and blue, [rows, columns, 3], of a frame that has them."""
    if dataset.get("PhotometricInterpretation") == "PALETTE COLOR":
        return _in_full_range(apply_color_lut(stored, dataset))[..., :3]  # a fourth is alpha
    return stored if stored.ndim == 3 else None


def _luma(colours: NDArray[np.number]) -> Values:
    brightest = 2 ** (8 * colours.dtype.itemsize) - 1
    return np.asarray(colours.astype(np.float32) @ _LUMA / brightest, np.float32)


def _in_full_range(colours: NDArray[np.number]) -> NDArray[np.number]:
    """Palettes that claim 16 bits but hold 8 are common: PS3.3 C.7.6.3.1.5 once allowed them."""
    return colours.astype(np.uint8) if colours.max() <= 255 else colours


def modality_values(stored: NDArray[np.number], dataset: Dataset) -> Values:
    with np.errstate(over="ignore"):  # what overflows is refused here
        if has_lut(dataset, "ModalityLUTSequence"):
            values = np.asarray(apply_modality_lut(stored, dataset), np.float32)
        else:
            values = _rescaled(stored, dataset)
    if not np.isfinite(values).all():
        raise NotAssessable("pixel values are not finite")
    return values


def _rescaled(stored: NDArray[np.number], dataset: Dataset) -> Values:
    slope, intercept = rescale(dataset)
    return np.asarray(stored.astype(np.float64) * slope + intercept, np.float32)


def rescale(dataset: Dataset) -> tuple[float, float]:
    """Slope and intercept; what says nothing changes nothing."""
    return _first(dataset, "RescaleSlope", 1.0), _first(dataset, "RescaleIntercept", 0.0)


def padding_range(dataset: Dataset) -> tuple[int, int] | None:
    """Stored values outside the picture, lowest and highest: PS3.3 C.7.5.1.1.2."""
    value = dataset.get("PixelPaddingValue")
    if value is None:
        return None
    limit = dataset.get("PixelPaddingRangeLimit", value)
    low, high = sorted((int(value), int(limit)))
    return low, high


def is_padding(stored: NDArray[np.number], padding: tuple[int, int] | None) -> NDArray[np.bool_]:
    if padding is None:
        return np.zeros(stored.shape, dtype=np.bool_)
    return np.asarray((stored >= padding[0]) & (stored <= padding[1]))


def _shown(values: Values, padding: NDArray[np.bool_], dataset: Dataset) -> Values:
    _, shown = view_of(values, dataset)
    if shown is None:
        picture = values[~padding]
        return robust_window(values, picture if picture.size else values)
    return shown


def view_of(values: Values, dataset: Dataset) -> tuple[View, Values | None]:
    """By VOI LUT, else window, else robustly; a view that shows nothing is not taken.

    What is shown of the values is None where they are to be shown robustly.
    """
    view: View = "window"
    shown = None
    if has_lut(dataset, "VOILUTSequence"):
        view, shown = "voi_lut", _by_voi_lut(values, dataset)
    elif windows := usable_windows(dataset):
        shown = _windowed(values, windows[0])
    if shown is None or np.ptp(shown) < _FAINTEST:
        return "robust_window", None
    return view, shown


def _by_voi_lut(values: Values, dataset: Dataset) -> Values:
    shown = apply_voi(np.rint(values).astype(np.int64), dataset, index=0).astype(np.float32)
    brightest = 2 ** int(dataset.VOILUTSequence[0].LUTDescriptor[2]) - 1
    return _between_0_and_1(shown / max(brightest, 1))


def usable_windows(dataset: Dataset) -> tuple[Window, ...]:
    """Those that have a centre and a width, in the file's order."""
    function = _voi_function(dataset)
    narrowest = 1 if function == "LINEAR" else 0
    pairs = zip_longest(
        _numbers(dataset, "WindowCenter"),
        _numbers(dataset, "WindowWidth"),
        _texts(dataset, "WindowCenterWidthExplanation"),
    )
    return tuple(
        Window(center=center, width=width, function=function, explanation=explanation or "")
        for center, width, explanation in pairs
        if center is not None and width is not None
        if math.isfinite(center) and math.isfinite(width) and width > narrowest
    )


def _windowed(values: Values, window: Window) -> Values:
    """PS3.3 C.11.2.1.2 and .3, in 0..1."""
    center, width = window.center, window.width
    if window.function == "SIGMOID":
        slope = np.clip(-4 * (values - center) / width, -80, 80)
        return _between_0_and_1(1 / (1 + np.exp(slope)))
    if window.function == "LINEAR":
        center, width = center - 0.5, width - 1
    return _between_0_and_1((values - center) / width + 0.5)


def _voi_function(dataset: Dataset) -> VoiFunction:
    match dataset.get("VOILUTFunction"):
        case "SIGMOID":
            return "SIGMOID"
        case "LINEAR_EXACT":
            return "LINEAR_EXACT"
    return "LINEAR"


def _between_0_and_1(values: NDArray[np.floating]) -> Values:
    return np.asarray(np.clip(values, 0, 1), np.float32)


def has_lut(dataset: Dataset, keyword: str) -> bool:
    """Empty sequences and empty items are met in files; they say nothing."""
    items = dataset.get(keyword)
    return bool(items and items[0].get("LUTDescriptor") and items[0].get("LUTData"))


def _first(dataset: Dataset, keyword: str, absent: float) -> float:
    first = next(iter(_numbers(dataset, keyword)), math.nan)
    return first if math.isfinite(first) else absent


def _numbers(dataset: Dataset, keyword: str) -> list[float]:
    return [
        float(value) if value not in (None, "") else math.nan for value in _all(dataset, keyword)
    ]


def _texts(dataset: Dataset, keyword: str) -> list[str]:
    return [str(value or "")[:LONGEST_TEXT] for value in _all(dataset, keyword)]


def _all(dataset: Dataset, keyword: str) -> list[Any]:
    value = dataset.get(keyword)
    return list(value) if isinstance(value, MultiValue) else [value]


def robust_window(values: Values, picture: Values | None = None) -> Values:
    """Without a usable window: the picture's own contrast, but for its extremes, in 0..1."""
    low, high = np.quantile(values if picture is None else picture, _ROBUST_SHARES)
    if high <= low:
        low, high = values.min(), values.max()
    scale = max(float(high) - float(low), _FAINTEST)
    return _between_0_and_1((values - low) / scale)


def robust_window_of_counts(values: Values, counts: NDArray[np.intp]) -> Window:
    """The same for a picture of which each value's number is known: a tenth of the time."""
    order = np.argsort(values)
    last = np.cumsum(counts[order]) - 1
    ranks = np.stack([last - counts[order] + 1, last], axis=1).ravel()
    sought = np.multiply(_ROBUST_SHARES, last[-1])
    low, high = np.interp(sought, ranks, np.repeat(values[order].astype(np.float64), 2))
    if high <= low:
        low, high = values.min(), values.max()
    width = max(float(high) - float(low), _FAINTEST)
    return Window(center=float(low + high) / 2, width=width, function="LINEAR_EXACT")
