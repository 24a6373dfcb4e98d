"""Boxes and words as the vector graphics of a presentation state (PS3.3 C.10.5)."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from textwrap import shorten

from pydicom.dataset import Dataset

from dicom_node.results.finding import AlgorithmIdentity, BoundingBox, ImageFinding
from dicom_node.results.rectangles import Place, overlaps
from dicom_node.results.report_wording import NOT_VERIFIED, RESEARCH_USE, state_and_probability

Point = tuple[float, float]  # column, row

# A side of a box has dashes at both of its ends, so that the corners are seen.
_MOST_DASHES_PER_SIDE = 7
# Dash and gap together, as a share of the image's short side.
_DASH_PERIOD = 0.03
_LABEL_HEIGHT = 0.025
_LABEL_WIDTH = 0.16
_LONGEST_REASON = 60
# Of the displayed area, however large that is on the screen.
_MARGIN, _BANNER_WIDTH, _LINE_HEIGHT = 0.01, 0.59, 0.025


def box_graphics(
    boxes: Sequence[BoundingBox], matrix: tuple[int, int], *, dashed: bool
) -> list[Dataset]:
    """A closed line around each box, or dashes.

    PIXEL counts as an SR does, and as a BoundingBox does: 0\\0 is the top left corner of the first
    pixel and Columns\\Rows the bottom right one of the last (C.10.5, Graphic Annotation Units).

    Each dash is a line of its own. A viewer may ignore a LineStyleSequence, and not all draw its
    dashes: a possible fracture would look like one that was found.
    """
    if not dashed:
        return [_polyline([*box.corners, box.corners[0]]) for box in boxes]
    period = _DASH_PERIOD * min(matrix)
    return [_polyline(dash) for box in boxes for dash in _dashes(box, period)]


def _dashes(box: BoundingBox, period: float) -> Iterator[list[Point]]:
    """Each side in an odd number of equal parts, every second one drawn."""
    around = box.corners
    for start, end in pairwise([*around, around[0]]):
        length = abs(end[0] - start[0]) + abs(end[1] - start[1])
        count = int(min(max(2, round(length / period)), _MOST_DASHES_PER_SIDE))
        parts = 2 * count - 1
        for dash in range(count):
            yield [_between(start, end, share / parts) for share in (2 * dash, 2 * dash + 1)]


def _between(start: Point, end: Point, share: float) -> Point:
    return start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])


def _polyline(points: Sequence[Point]) -> Dataset:
    graphic = Dataset()
    graphic.GraphicAnnotationUnits = "PIXEL"
    graphic.GraphicDimensions = 2
    graphic.NumberOfGraphicPoints = len(points)
    graphic.GraphicData = [round(value, 2) for point in points for value in point]
    graphic.GraphicType = "POLYLINE"
    if points[0] == points[-1]:
        graphic.GraphicFilled = "N"
    return graphic


def box_labels(
    boxes: Sequence[BoundingBox], matrix: tuple[int, int], banner: Dataset
) -> list[Dataset]:
    """The number and score of each box, near it where it covers no other words."""
    written = [_in_pixels(_place_of(banner), matrix)]
    labels = []
    for number, box in enumerate(boxes, start=1):
        place = min(_label_places(box, matrix), key=lambda place: overlaps(place, written))
        written.append(place)
        labels.append(_text(f"{number}: {100 * box.score:.0f} %", "PIXEL", place))
    return labels


def _label_places(box: BoundingBox, matrix: tuple[int, int]) -> list[Place]:
    """Above the box, below, inside and at its sides, as far as that is in the image."""
    rows, columns = matrix
    height, width = _LABEL_HEIGHT * min(matrix), _LABEL_WIDTH * min(matrix)
    corners = [
        (box.x0, box.y0 - height),
        (box.x0, box.y1),
        (box.x0, box.y0),
        (box.x1, box.y0),
        (box.x1, box.y1 - height),
        (box.x0 - width, box.y0),
        (box.x0, box.y1 - height),
    ]
    fitting = [
        (min(max(left, 0.0), columns - width), top)
        for left, top in corners
        if 0 <= top <= rows - height
    ]
    return [(left, top, left + width, top + height) for left, top in fitting or [(0.0, 0.0)]]


def banner(
    finding: ImageFinding,
    algorithm: AlgorithmIdentity,
    boxes: Sequence[BoundingBox],
    matrix: tuple[int, int],
) -> Dataset:
    """The answer in words, in a corner of whatever part of the image is shown."""
    lines = list(_banner_lines(finding, algorithm))
    taken = [(box.x0, box.y0, box.x1, box.y1) for box in boxes]
    corners = _banner_places(_LINE_HEIGHT * len(lines))
    place = min(corners, key=lambda corner: overlaps(_in_pixels(corner, matrix), taken))
    # Lines of one text end in CR LF (PS3.5 6.1.3).
    return _text("\r\n".join(lines), "DISPLAY", place)


def _banner_places(height: float) -> list[Place]:
    """The four corners, top left first."""
    lefts, tops = (_MARGIN, 1 - _MARGIN - _BANNER_WIDTH), (_MARGIN, 1 - _MARGIN - height)
    return [(left, top, left + _BANNER_WIDTH, top + height) for top in tops for left in lefts]


def _in_pixels(place: Place, matrix: tuple[int, int]) -> Place:
    """Of the whole image, which is what a viewer opens with."""
    rows, columns = matrix
    return place[0] * columns, place[1] * rows, place[2] * columns, place[3] * rows


def _banner_lines(finding: ImageFinding, algorithm: AlgorithmIdentity) -> Iterator[str]:
    yield NOT_VERIFIED
    yield state_and_probability(finding.state, finding.probability)
    if finding.region is not None:
        yield f"Region: {finding.region.replace('_', ' ')}"
    if not finding.is_analysed:
        yield shorten(finding.reason or "no reason given", _LONGEST_REASON, placeholder=" ...")
    yield f"{algorithm.name} {algorithm.version}"
    yield RESEARCH_USE


def _text(words: str, units: str, place: Place) -> Dataset:
    text = Dataset()
    text.BoundingBoxAnnotationUnits = units
    text.UnformattedTextValue = words
    text.BoundingBoxTopLeftHandCorner = [round(value, 3) for value in place[:2]]
    text.BoundingBoxBottomRightHandCorner = [round(value, 3) for value in place[2:]]
    text.BoundingBoxTextHorizontalJustification = "LEFT"
    return text


def _place_of(text: Dataset) -> Place:
    return (*text.BoundingBoxTopLeftHandCorner, *text.BoundingBoxBottomRightHandCorner)
