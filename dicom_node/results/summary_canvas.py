"""A dark page of pixels to write and draw on, as a workstation shows it between radiographs."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from dicom_node.results.finding import FindingState
from dicom_node.results.overlay_text import Colour, Font
from dicom_node.results.text_wrapping import wrapped
from dicom_node.results.thumbnails import Area

GROUND: Colour = (13, 15, 18)
WHITE: Colour = (236, 239, 242)
GREY: Colour = (158, 166, 176)
STATE_COLOURS: dict[FindingState, Colour] = {
    FindingState.FRACTURE: (255, 92, 64),
    FindingState.POSSIBLE: (255, 196, 56),
    FindingState.NONE: (216, 220, 224),
    FindingState.NOT_ASSESSABLE: (134, 178, 232),
}
_LINE_PITCH = 1.32
_BOLD_SHARE = 0.022  # of the text's height, drawn around each letter
# The font that comes with Pillow, the same on every machine, has few letters beyond ASCII.
_REPLACED = str.maketrans({"\u00d7": "x"})
_DASH, _DASH_GAP = 9, 6


@dataclass(frozen=True)
class Style:
    height: int
    colour: Colour = WHITE
    bold: bool = False

    @property
    def pitch(self) -> int:
        """From one line to the next, in pixels."""
        return round(self.height * _LINE_PITCH)


class Canvas:
    """An RGB picture; places are in pixels."""

    def __init__(self, columns: int, rows: int) -> None:
        self._picture = Image.new("RGB", (columns, rows), GROUND)
        self._draw = ImageDraw.Draw(self._picture)

    def write(self, text: str, place: Area, style: Style, most_lines: int = 1) -> float:
        """Lines from the top left of the place, within its width; where they end."""
        top = place.top
        for line in _lines(text, place.width, style, most_lines):
            self._draw.text(
                (place.left, top + style.height),
                line,
                style.colour,
                _font(style.height),
                anchor="ls",
                stroke_width=style.height * _BOLD_SHARE if style.bold else 0,
            )
            top += style.pitch
        return top

    def fill(self, place: Area, colour: Colour, corner: float = 0.0) -> None:
        self._draw.rounded_rectangle(_edges(place), corner, fill=colour)

    def frame(self, place: Area, colour: Colour, width: int, *, dashed: bool) -> None:
        """A line around the place, outside it."""
        left, top = round(place.left) - width, round(place.top) - width
        right, bottom = round(place.left + place.width), round(place.top + place.height)
        across = _dashes(left, right + width) if dashed else [(left, right + width)]
        down = _dashes(top, bottom + width) if dashed else [(top, bottom + width)]
        for side in (top, bottom):
            for near, far in across:
                self._draw.rectangle((near, side, far - 1, side + width - 1), fill=colour)
        for side in (left, right):
            for near, far in down:
                self._draw.rectangle((side, near, side + width - 1, far - 1), fill=colour)

    def paste(self, picture: Image.Image, place: Area) -> None:
        self._picture.paste(picture, (round(place.left), round(place.top)))

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """[rows, columns, 3]"""
        return np.asarray(self._picture)


def height_of(text: str, width: float, style: Style, most_lines: int) -> float:
    return float(len(_lines(text, width, style, most_lines)) * style.pitch)


def width_of(text: str, style: Style) -> float:
    return _font(style.height).getlength(_plain(text))


def _lines(text: str, width: float, style: Style, most_lines: int) -> list[str]:
    font = _font(style.height)
    return wrapped(_plain(text), lambda part: font.getlength(part) <= width, most_lines)


def _plain(text: str) -> str:
    """A reason may quote what the font cannot draw."""
    return text.translate(_REPLACED).encode("ascii", "replace").decode("ascii")


def _dashes(near: int, far: int) -> list[tuple[int, int]]:
    """From corner to corner, a dash at each."""
    count = max(1, round((far - near + _DASH_GAP) / (_DASH + _DASH_GAP)))
    period = (far - near + _DASH_GAP) / count
    starts = [near + number * period for number in range(count)]
    return [(round(start), round(start + period - _DASH_GAP)) for start in starts]


def _edges(place: Area) -> tuple[float, float, float, float]:
    """The far edges inclusive, as Pillow wants them."""
    return place.left, place.top, place.left + place.width - 1, place.top + place.height - 1


@lru_cache(maxsize=32)
def _font(height: int) -> Font:
    return ImageFont.load_default(height)
