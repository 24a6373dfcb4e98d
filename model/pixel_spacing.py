"""How far apart pixels lie, and where that was measured: PS3.3 10.7.1."""

import math

from pydicom import Dataset
from pydicom.multival import MultiValue

from model.frame_description import PixelSpacing, SpacingSource

_BELIEVABLE_ASPECT = (0.1, 10.0)
_SOURCES: tuple[SpacingSource, ...] = (
    "PixelSpacing",
    "ImagerPixelSpacing",
    "NominalScannedPixelSpacing",
)


def pixel_spacing(dataset: Dataset) -> PixelSpacing | None:
    for source in _SOURCES:
        pair = _pair(dataset, source)
        if pair is not None:
            calibrated = source == "PixelSpacing" and _is_calibrated(pair, dataset)
            return PixelSpacing(
                row_mm=pair[0], column_mm=pair[1], source=source, is_calibrated=calibrated
            )
    return None


def _is_calibrated(pair: tuple[float, float], dataset: Dataset) -> bool:
    """Said to be, or other than at the detector (PS3.3 10.7.1.3)."""
    at_detector = _pair(dataset, "ImagerPixelSpacing")
    said = dataset.get("PixelSpacingCalibrationType") in ("GEOMETRY", "FIDUCIAL")
    return said or at_detector not in (None, pair)


def _pair(dataset: Dataset, keyword: str) -> tuple[float, float] | None:
    value = dataset.get(keyword)
    if not isinstance(value, MultiValue) or len(value) != 2:
        return None
    rows, columns = float(value[0]), float(value[1])
    usable = math.isfinite(rows) and math.isfinite(columns) and rows > 0 and columns > 0
    return (rows, columns) if usable else None


def pixel_aspect(dataset: Dataset) -> float:
    """PS3.3 C.7.6.3.1.7: the ratio is stated only where no spacing is; both name rows first."""
    for keyword in ("PixelSpacing", "ImagerPixelSpacing", "PixelAspectRatio"):
        pair = _pair(dataset, keyword)
        if pair is not None:
            aspect = pair[0] / pair[1]
            return aspect if _BELIEVABLE_ASPECT[0] <= aspect <= _BELIEVABLE_ASPECT[1] else 1.0
    return 1.0
