"""What is not anatomy does not carry the label: letters, borders, and a truncated file's band."""

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from model.radiograph import Radiograph
from tests.model.robustness.conftest import Judged, Picture

Judge = Callable[[Radiograph], float]


def with_letter(pixels: Picture) -> Picture:
    """A bright L in a corner, a twelfth of the height."""
    picture = Image.fromarray(pixels)
    size = max(12, pixels.shape[0] // 12)
    place = (pixels.shape[1] // 30, pixels.shape[0] // 30)
    ImageDraw.Draw(picture).text(place, "L", fill=255, font=ImageFont.load_default(size))
    return np.asarray(picture)


def with_border(pixels: Picture) -> Picture:
    """White film edges of one fiftieth."""
    framed, width = pixels.copy(), max(1, min(pixels.shape) // 50)
    framed[:width] = framed[-width:] = 255
    framed[:, :width] = framed[:, -width:] = 255
    return framed


def with_black_border(pixels: Picture) -> Picture:
    return np.pad(pixels, max(1, min(pixels.shape) // 25))


def with_flat_band(pixels: Picture) -> Picture:
    """As a truncated JPEG ends: the last tenth is one grey."""
    cut = pixels.copy()
    cut[-pixels.shape[0] // 10 :] = 128
    return cut


MARKS = [(with_letter, 0.15), (with_border, 0.2), (with_black_border, 0.2), (with_flat_band, 0.3)]


@pytest.mark.soak
@pytest.mark.parametrize("mark, bound", MARKS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_mark_on_the_film_neither_makes_nor_hides_a_fracture(
    judged: list[Judged], probability: Judge, mark: Callable[[Picture], Picture], bound: float
) -> None:
    signed = np.array(
        [probability(Radiograph.of_bytes(mark(one.pixels))) - one.probability for one in judged]
    )
    moved = np.abs(signed)
    print(
        f"{mark.__name__}: 95 % {np.nanquantile(moved, 0.95):.4f}, mean {np.nanmean(signed):+.4f}"
    )
    assert (moved <= bound).mean() >= 0.95
    # Nor does it shift all of them one way: that would be a label.
    assert abs(np.nanmean(signed)) <= 0.03
