"""The words on an annotated image, in a panel where they hide least."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from PIL import Image, ImageDraw, ImageFont, ImageStat

from dicom_node.results.rectangles import Rectangle, overlaps

Colour = tuple[int, int, int]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

# Text height as a share of the image's short side: readable when a screen shows all of it.
_TEXT_SHARE = 0.021
_SMALLEST_WANTED = 11
# Below this height in pixels nobody can tell the letters, and only a smudge would be drawn.
_SMALLEST_LEGIBLE = 6
_WIDEST_PANEL = 0.96
_TALLEST_PANEL = 0.4
_SHADE = 0.8  # over white, letters in red are still told from it
_LINE_PITCH = 1.3
_CAPITAL = 0.7  # height of a capital letter against the font's
_BAR_HEIGHTS = 5  # a bar's width against the text's height


@dataclass(frozen=True)
class Line:
    """One line of the panel; `scale` is its height against the panel's full-size text."""

    text: str
    colour: Colour
    scale: float = 1.0
    bar: tuple[Colour, ...] = ()  # colours side by side behind the text


def draw_panel(
    picture: Image.Image, lines: Sequence[Line], avoid: Sequence[Rectangle]
) -> Rectangle | None:
    """Write the lines into the quietest corner; None where the image is too small for letters."""
    height = _fitting_height(lines, picture.size)
    if height < _SMALLEST_LEGIBLE:
        return None
    panel = _quietest_corner(picture, _panel_size(lines, height), avoid)
    _write(picture, lines, height, panel)
    return panel


def draw_label(
    picture: Image.Image,
    line: Line,
    box: Rectangle,
    boxes: Sequence[Rectangle],
    words: Sequence[Rectangle],
) -> Rectangle | None:
    """Name a box: above it, else below, beside or inside it, where the name covers least.

    None where there is no place that leaves the other words alone: these say more.
    """
    height = text_height(picture.size)
    width, tall = _panel_size([line], height)
    if width > picture.size[0] or tall > picture.size[1]:
        return None
    places = _places_of_label(box, (width, tall), picture.size, height // 2)
    free = [place for place in places if not overlaps(place, words)]
    place = min(free, key=lambda rectangle: overlaps(rectangle, boxes), default=None)
    if place is not None:
        _write(picture, [line], height, place)
    return place


def _places_of_label(
    box: Rectangle, size: tuple[int, int], limits: tuple[int, int], gap: int
) -> list[Rectangle]:
    """The best first."""
    width, tall = size
    left = min(max(box[0], 0), limits[0] - width)
    tops = (box[1] - gap - tall, box[3] + gap)
    outside = [
        (left, top, left + width, top + tall) for top in tops if 0 <= top <= limits[1] - tall
    ]
    origins = [(x, y) for y in (box[1], box[3] - tall) for x in (box[2] + gap, box[0])]
    return [*outside, *(_inside(origin, size, limits) for origin in origins)]


def text_height(size: tuple[int, int]) -> int:
    return max(_SMALLEST_WANTED, round(min(size) * _TEXT_SHARE))


def _fitting_height(lines: Sequence[Line], size: tuple[int, int]) -> int:
    """The wanted height, or what keeps the panel within its share of a small image."""
    wanted = text_height(size)
    width, height = _panel_size(lines, wanted)
    share = min(1.0, _WIDEST_PANEL * size[0] / width, _TALLEST_PANEL * size[1] / height)
    return int(wanted * share)


def _panel_size(lines: Sequence[Line], height: int) -> tuple[int, int]:
    widest = max(_text_width(line, height) + _bar_width(line, height) for line in lines)
    tall = sum(_pitch(height, line) for line in lines)
    return int(widest) + 1 + 2 * _padding(height), tall + _padding(height)


def _text_width(line: Line, height: int) -> float:
    return _font(height, line.scale).getlength(line.text)


def _bar_width(line: Line, height: int) -> int:
    """With the gap before it."""
    return _padding(height) + _BAR_HEIGHTS * height if line.bar else 0


def _padding(height: int) -> int:
    return max(1, height // 2)


def _pitch(height: int, line: Line) -> int:
    return round(height * line.scale * _LINE_PITCH)


@lru_cache(maxsize=64)
def _sized_font(size: int) -> Font:
    return ImageFont.load_default(size)


def _font(height: int, scale: float) -> Font:
    return _sized_font(max(1, round(height * scale)))


def _quietest_corner(
    picture: Image.Image, size: tuple[int, int], avoid: Sequence[Rectangle]
) -> Rectangle:
    """The corner over the fewest boxes, then over the least of the anatomy; top left if equal."""
    columns, rows = picture.size
    origins = [(x, y) for y in (0, rows - size[1]) for x in (0, columns - size[0])]
    corners = [_inside(origin, size, picture.size) for origin in origins]
    return min(corners, key=lambda corner: (overlaps(corner, avoid), _light(picture, corner)))


def _inside(origin: tuple[int, int], size: tuple[int, int], limits: tuple[int, int]) -> Rectangle:
    left = max(0, min(origin[0], limits[0] - size[0]))
    top = max(0, min(origin[1], limits[1] - size[1]))
    return left, top, left + size[0], top + size[1]


def _light(picture: Image.Image, rectangle: Rectangle) -> int:
    """Mean brightness, coarse enough for a plain background to be equal everywhere."""
    return int(ImageStat.Stat(picture.crop(rectangle).convert("L")).mean[0]) // 4


def _write(picture: Image.Image, lines: Sequence[Line], height: int, panel: Rectangle) -> None:
    under = picture.crop(panel)
    picture.paste(Image.blend(under, Image.new("RGB", under.size), _SHADE), panel)
    draw = ImageDraw.Draw(picture)
    padding = _padding(height)
    baseline = float(panel[1])
    for line in lines:
        baseline += _pitch(height, line)
        font = _font(height, line.scale)
        draw.text((panel[0] + padding, baseline), line.text, line.colour, font, anchor="ls")
        if line.bar:
            left = panel[0] + 2 * padding + _text_width(line, height)
            _draw_bar(draw, line, (left, baseline), height)


def _draw_bar(
    draw: ImageDraw.ImageDraw, line: Line, corner: tuple[float, float], height: int
) -> None:
    """On the text's line; the corner is its lower left."""
    left, bottom = corner
    top, width = bottom - round(_CAPITAL * height * line.scale), _BAR_HEIGHTS * height
    edges = [round(left + width * place / len(line.bar)) for place in range(len(line.bar) + 1)]
    for colour, (near, far) in zip(line.bar, pairwise(edges), strict=True):
        draw.rectangle((near, top, max(near, far - 1), bottom), fill=colour)
