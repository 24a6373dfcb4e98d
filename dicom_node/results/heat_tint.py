"""A heatmap laid over a radiograph so that its colours keep their order and bone stays visible."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops

from dicom_node.results.overlay_text import Colour

# matplotlib's inferno (CC0) from 0.35 to 0.9, where it is neither dark nor pale: each colour
# lighter than the one before, so that the order is seen on a grey screen and by the colour-blind.
_INFERNO: tuple[Colour, ...] = (
    (127, 30, 108),
    (165, 44, 96),
    (199, 62, 76),
    (228, 90, 49),
    (246, 126, 20),
    (252, 168, 13),
    (246, 215, 70),
)
_TONES = 256
# Heat below the first value is not shown; from the second on the tint is at its strongest, and
# half of the picture's own contrast and more shines through.
COOLEST_SHOWN, _FULLY_TINTED = 0.2, 0.5
_STRONGEST_TINT = 0.55
# Of a colour's light, what is left over black: background glows little, bone in full.
_LIGHT_OVER_BLACK = 0.35


def tint(picture: Image.Image, heatmap: NDArray[np.float32]) -> bool:
    """Colour the RGB picture where it is hot; heat in 0..1 spans it. False: nothing was."""
    heat = _as_picture(heatmap).resize(picture.size, Image.Resampling.BICUBIC)
    mask = heat.point(_STRENGTHS)
    hot = mask.getbbox()
    if hot is None:
        return False
    heat, mask, under = (layer.crop(hot) for layer in (heat, mask, picture))
    colours = Image.merge("RGB", [heat.point(channel) for channel in _CHANNELS])
    picture.paste(ImageChops.multiply(colours, under.point(_SHADES * 3)), hot, mask)
    return True


def legend_colours(count: int) -> tuple[Colour, ...]:
    """The colours from the coolest heat shown to the hottest, evenly spaced."""
    tones = _table(np.linspace(COOLEST_SHOWN, 1, count) * (_TONES - 1))
    red, green, blue = _CHANNELS
    return tuple((red[tone], green[tone], blue[tone]) for tone in tones)


def _as_picture(heatmap: NDArray[np.float32]) -> Image.Image:
    heat = np.clip(np.nan_to_num(heatmap), 0, 1) * (_TONES - 1)
    return Image.fromarray(np.rint(heat).astype(np.uint8))


def _table(values: NDArray[np.floating]) -> list[int]:
    return [int(value) for value in np.rint(values)]


_HEAT = np.linspace(0, 1, _TONES)
_CHANNELS = tuple(
    _table(np.interp(_HEAT, np.linspace(COOLEST_SHOWN, 1, len(_INFERNO)), channel))
    for channel in np.transpose(_INFERNO)
)
_STRENGTHS = _table(
    255 * _STRONGEST_TINT * np.clip((_HEAT - COOLEST_SHOWN) / (_FULLY_TINTED - COOLEST_SHOWN), 0, 1)
)
_SHADES = _table(255 * (_LIGHT_OVER_BLACK + (1 - _LIGHT_OVER_BLACK) * _HEAT))
