"""Places of words and boxes on a picture, and how many others one of them covers."""

from collections.abc import Iterable

# Left, top, right, bottom; the far edges exclusive.
Rectangle = tuple[int, int, int, int]
Place = tuple[float, float, float, float]


def overlaps(place: Place, others: Iterable[Place]) -> int:
    left, top, right, bottom = place
    return sum(
        left < other[2] and other[0] < right and top < other[3] and other[1] < bottom
        for other in others
    )
