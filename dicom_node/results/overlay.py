"""The picture a radiologist sees: the radiograph with boxes, a heat tint and what they are."""

from textwrap import shorten

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from dicom_node.results.finding import BoundingBox, FindingState, ImageFinding, clamped_boxes
from dicom_node.results.heat_tint import COOLEST_SHOWN, legend_colours, tint
from dicom_node.results.overlay_text import Colour, Line, draw_label, draw_panel
from dicom_node.results.rectangles import Rectangle
from dicom_node.results.report_wording import NOT_VERIFIED, RESEARCH_USE, STATE_WORDS

# On a radiograph, which is grey.
BOX_COLOURS: dict[FindingState, Colour] = {
    FindingState.FRACTURE: (255, 92, 64),
    FindingState.POSSIBLE: (255, 196, 56),
    FindingState.NONE: (216, 220, 224),
    FindingState.NOT_ASSESSABLE: (160, 184, 208),
}
_TITLE: Colour = (255, 214, 102)
_SMALL: Colour = (200, 204, 208)
_HALO: Colour = (0, 0, 0)
_LEGEND_COLOURS = 40


def annotate(
    pixels: NDArray[np.uint8],
    finding: ImageFinding,
    heatmap: NDArray[np.float32] | None,
    label: str,
) -> NDArray[np.uint8]:
    """RGB of the same matrix; `label` says which product and model, `heatmap` spans the image.

    A box has a solid line for a fracture and a dashed one for a possible fracture, drawn around
    the place and never over it. Nothing of the patient is burned in.
    """
    picture = Image.fromarray(pixels).convert("RGB")
    tinted = heatmap is not None and tint(picture, heatmap)
    boxes = clamped_boxes(finding.boxes, pixels.shape)
    colour = BOX_COLOURS[finding.state]
    draw = ImageDraw.Draw(picture)
    for box in boxes:
        _draw_box(draw, box, colour, dashed=finding.state is FindingState.POSSIBLE)
    edges = [_edges(box) for box in boxes]
    panel = draw_panel(picture, _banner(finding, label, tinted), edges)
    words = [panel] if panel else []
    for number, box in enumerate(boxes, start=1):
        line = Line(f"{number}: {100 * box.score:.0f} %", colour)
        place = draw_label(picture, line, _edges(box), edges, words)
        words += [place] if place else []
    return np.asarray(picture)


def _banner(finding: ImageFinding, label: str, tinted: bool) -> list[Line]:
    colour = BOX_COLOURS[finding.state]
    lines = [
        Line(NOT_VERIFIED, _TITLE),
        Line(_answer(finding), colour),
        Line(_grounds(finding), colour, 0.85),
        Line(label, _SMALL, 0.75),
        Line(RESEARCH_USE, _SMALL, 0.75),
    ]
    return [*lines, _legend()] if tinted else lines


def _legend() -> Line:
    shown = f"Heat {100 * COOLEST_SHOWN:.0f} to 100 %"
    return Line(shown, _SMALL, 0.75, legend_colours(_LEGEND_COLOURS))


def _answer(finding: ImageFinding) -> str:
    words = STATE_WORDS[finding.state]
    return words if finding.region is None else f"{words} - {finding.region.replace('_', ' ')}"


def _grounds(finding: ImageFinding) -> str:
    """The probability, or the reason for having none, short enough for a line."""
    if finding.probability is not None:
        return f"Fracture probability {100 * finding.probability:.1f} %"
    return shorten(finding.reason or "no reason given", width=60, placeholder=" ...")


def _edges(box: BoundingBox) -> Rectangle:
    """Left, top, right, bottom in whole pixels, the far ones exclusive."""
    return int(box.x0), int(box.y0), int(np.ceil(box.x1)), int(np.ceil(box.y1))


def _draw_box(draw: ImageDraw.ImageDraw, box: BoundingBox, colour: Colour, *, dashed: bool) -> None:
    """The line lies outside the box, with a dark hair line around it to stand out from bone."""
    width = line_width(draw.im.size)
    left, top, right, bottom = _edges(box)
    outer = (left - width, top - width, right + width - 1, bottom + width - 1)
    halo = max(1, width // 3)
    grown = (outer[0] - halo, outer[1] - halo, outer[2] + halo, outer[3] + halo)
    draw.rectangle(grown, outline=_HALO, width=halo)
    for side in _sides(outer, width):
        for part in _dashes(side, 6 * width) if dashed else [side]:
            draw.rectangle(part, fill=colour)


def line_width(size: tuple[int, int]) -> int:
    """About two pixels on a screen that shows the whole image."""
    return max(1, round(min(size) / 500))


def _sides(outer: Rectangle, width: int) -> list[Rectangle]:
    left, top, right, bottom = outer
    return [
        (left, top, right, top + width - 1),
        (left, bottom - width + 1, right, bottom),
        (left, top, left + width - 1, bottom),
        (right - width + 1, top, right, bottom),
    ]


def _dashes(side: Rectangle, length: int) -> list[Rectangle]:
    """The side in dashes as long as given, with gaps two thirds of that."""
    left, top, right, bottom = side
    period = length + 2 * length // 3
    if right - left >= bottom - top:
        starts = range(left, right + 1, period)
        return [(x, top, min(x + length, right), bottom) for x in starts]
    starts = range(top, bottom + 1, period)
    return [(left, y, right, min(y + length, bottom)) for y in starts]
