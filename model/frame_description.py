"""What a viewer is told of a frame beside its stored values."""

from typing import Annotated, Literal

from annotated_types import Len
from pydantic import BaseModel, ConfigDict, FiniteFloat, PositiveInt

Photometric = Literal["MONOCHROME1", "MONOCHROME2", "RGB"]
VoiFunction = Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"]
View = Literal["voi_lut", "window", "robust_window"]
SpacingSource = Literal["PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"]

LONGEST_TEXT = 64  # of an LO, PS3.5 6.2


class _Described(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Window(_Described):
    """A range of values that is shown from black to white, PS3.3 C.11.2.1.2."""

    center: FiniteFloat
    width: FiniteFloat
    function: VoiFunction
    explanation: str = ""


class PaddingRange(_Described):
    """Stored values from lowest to highest lie outside the picture."""

    lowest: int
    highest: int


class VoiLut(_Described):
    """What a value is shown as, after the Modality LUT and rounding: PS3.3 C.11.2.1.1.

    `first_mapped` and all below it are shown as the first of `data`, what lies beyond its end as
    the last; white is 2 ** bits - 1.
    """

    first_mapped: int
    bits: PositiveInt
    data: Annotated[tuple[int, ...], Len(1, 1 << 16)]
    explanation: str


class Greyscale(_Described):
    """From stored values to what is shown; value = rescale_slope · stored + rescale_intercept.

    Windows and the VOI LUT speak of values. Where the file has a Modality LUT, the stored values
    have been through it already, and padding is no longer told apart.
    """

    bits_stored: PositiveInt
    is_signed: bool
    smallest_stored: int  # in the picture, padding apart
    largest_stored: int
    padding: PaddingRange | None
    rescale_slope: FiniteFloat
    rescale_intercept: FiniteFloat
    voi_lut: VoiLut | None  # the first, where there are several
    windows: tuple[Window, ...]  # the usable ones, as the file orders them
    robust_window: Window  # the picture's own contrast, but for its extremes
    view: View  # what the classifier sees it by: the VOI LUT, the first window or the robust one


class PixelSpacing(_Described):
    """Millimetres between rows and between columns, by the element that says so.

    What is calibrated holds for the patient; else it holds at the detector, where a limb looks
    larger than it is.
    """

    row_mm: FiniteFloat
    column_mm: FiniteFloat
    source: SpacingSource
    is_calibrated: bool


class FrameDescription(_Described):
    rows: PositiveInt
    columns: PositiveInt
    frame: PositiveInt  # 1-based
    frames: PositiveInt
    photometric_interpretation: Photometric
    greyscale: Greyscale | None  # of every frame that is not RGB
    pixel_aspect: FiniteFloat  # height of a pixel over its width
    spacing: PixelSpacing | None
