"""How the source is shown, restated: a presentation state replaces all of it (PS3.4 N.2)."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.uid import XRayAngiographicImageStorage, XRayRadiofluoroscopicImageStorage
from pydicom.valuerep import format_number_as_ds

from dicom_node.received_header import copy_elements

_EDGES = (
    "ShutterLeftVerticalEdge",
    "ShutterRightVerticalEdge",
    "ShutterUpperHorizontalEdge",
    "ShutterLowerHorizontalEdge",
)
_SHUTTERS = {
    "RECTANGULAR": _EDGES,
    "CIRCULAR": ("CenterOfCircularShutter", "RadiusOfCircularShutter"),
    "POLYGONAL": ("VerticesOfThePolygonalShutter",),
}
_UNSPECIFIED = "US"
_HIGHEST = 2**16 - 1
_LUT = ("LUTDescriptor", "LUTExplanation", "ModalityLUTType", "LUTData")
GREYSCALE_KEYWORDS = (
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "PixelRepresentation",
    "ModalityLUTSequence",
    "RescaleIntercept",
    "RescaleSlope",
    "RescaleType",
    "VOILUTSequence",
    "WindowCenter",
    "WindowWidth",
    "WindowCenterWidthExplanation",
    "VOILUTFunction",
    "ShutterShape",
    "ShutterPresentationValue",
    *(keyword for needed in _SHUTTERS.values() for keyword in needed),
)
# Their Modality LUT leads to X-ray intensities and is no part of how they are shown (C.8.7.1.1.2).
_SHOWN_WITHOUT_MODALITY_LUT = {XRayAngiographicImageStorage, XRayRadiofluoroscopicImageStorage}


def add_greyscale(state: Dataset, header: Dataset) -> None:
    """Modality LUT, VOI LUT, shutter and polarity of the source; what it has not, has no part."""
    if header.SOPClassUID not in _SHOWN_WITHOUT_MODALITY_LUT:
        state.update(_modality_lut(header))
    voi = _voi_lut(header)
    if voi is not None:
        state.SoftcopyVOILUTSequence = [voi]
    state.update(_shutter(header))
    inverse = header.get("PhotometricInterpretation") == "MONOCHROME1"
    state.PresentationLUTShape = "INVERSE" if inverse else "IDENTITY"


def _modality_lut(header: Dataset) -> Dataset:
    """PS3.3 C.11.1."""
    modality = Dataset()
    table = next(_tables(header, "ModalityLUTSequence"), None)
    slope, intercept = _number(header, "RescaleSlope"), _number(header, "RescaleIntercept")
    if table is not None:
        table.ModalityLUTType = _first(table, "ModalityLUTType") or _UNSPECIFIED
        modality.ModalityLUTSequence = [table]
    elif slope and intercept is not None:
        modality.RescaleIntercept = format_number_as_ds(intercept)
        modality.RescaleSlope = format_number_as_ds(slope)
        modality.RescaleType = _first(header, "RescaleType") or _UNSPECIFIED
    return modality


def _voi_lut(header: Dataset) -> Dataset | None:
    """The source's first table, else its first window (C.11.8): the view it opens with."""
    voi = Dataset()
    table = next(_tables(header, "VOILUTSequence"), None)
    centre, width = _number(header, "WindowCenter"), _number(header, "WindowWidth")
    if table is not None:
        table.pop("ModalityLUTType", None)
        voi.VOILUTSequence = [table]
        return voi
    if centre is None or width is None or width <= 0:
        return None
    voi.WindowCenter, voi.WindowWidth = format_number_as_ds(centre), format_number_as_ds(width)
    for keyword in ("WindowCenterWidthExplanation", "VOILUTFunction"):
        if _first(header, keyword):
            setattr(voi, keyword, _first(header, keyword))
    if width < 1 and voi.get("VOILUTFunction") != "SIGMOID":
        # Of all linear functions only this one can be so narrow (C.11.2.1.3.2).
        voi.VOILUTFunction = "LINEAR_EXACT"
    return voi


def _tables(header: Dataset, keyword: str) -> Iterator[Dataset]:
    for item in header.get(keyword) or []:
        table = copy_elements(item, _LUT)
        descriptor = _values(table, "LUTDescriptor")
        if table.get("LUTData") and len(descriptor) == 3 and descriptor[2] in range(8, 17):
            yield _of_16_bits(table)


def _of_16_bits(table: Dataset) -> Dataset:
    """An image's table may have 8 to 16, a presentation state's not those between (C.11.8)."""
    entries, first, bits = table.LUTDescriptor
    if bits < 16:
        widened = np.rint(_entries(table) * (_HIGHEST / (2**bits - 1))).clip(0, _HIGHEST)
        table.add_new("LUTData", "OW", widened.astype("<u2").tobytes())
        table.LUTDescriptor = [entries, first, 16]
    return table


def _entries(table: Dataset) -> NDArray[np.integer]:
    """8-bit ones may share a word of 16 bits, two by two."""
    data = table.LUTData
    if not isinstance(data, bytes):
        return np.atleast_1d(data)
    count = table.LUTDescriptor[0] or _HIGHEST + 1
    return np.frombuffer(data, "<u2" if len(data) >= 2 * count else "u1")[:count]


def _shutter(header: Dataset) -> Dataset:
    """PS3.3 C.7.6.11 and C.11.12; nothing where the source says only half of it."""
    shapes = [str(shape) for shape in _values(header, "ShutterShape")]
    needed = [keyword for shape in shapes for keyword in _SHUTTERS.get(shape, ("no such shape",))]
    if not shapes or not all(keyword in header for keyword in needed):
        return Dataset()
    shutter = copy_elements(header, needed)
    shutter.ShutterShape = shapes
    shutter.ShutterPresentationValue = header.get("ShutterPresentationValue") or 0
    return shutter


def _number(header: Dataset, keyword: str) -> float | None:
    """The first value; None where there is none or no finite one."""
    value = _first(header, keyword)
    return float(value) if isinstance(value, float) and math.isfinite(value) else None


def _first(header: Dataset, keyword: str) -> object:
    return next(iter(_values(header, keyword)), None)


def _values(header: Dataset, keyword: str) -> list[object]:
    value = header.get(keyword)
    if isinstance(value, MultiValue | list):
        return list(value)
    return [] if value is None or value == "" else [value]
