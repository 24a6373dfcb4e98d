"""A probability has its place on the bar, and words beside a mark stay on it."""

import pytest

from dicom_node.results.gauge import beside, place_on
from dicom_node.results.thumbnails import Area

BAR = Area(10.0, 0.0, 200.0, 4.0)


@pytest.mark.parametrize(
    ("probability", "place"), [(0.0, 10.0), (0.25, 60.0), (1.0, 210.0), (1.5, 210.0), (-1.0, 10.0)]
)
def test_bar_goes_from_0_to_100_percent(probability: float, place: float) -> None:
    assert place_on(BAR, probability) == place


@pytest.mark.parametrize(("mark", "left"), [(60.0, 65.0), (125.0, 130.0), (126.0, 41.0)])
def test_words_are_right_of_their_mark_where_there_is_room(mark: float, left: float) -> None:
    assert beside(BAR, mark, width=80.0, gap=5.0) == left
