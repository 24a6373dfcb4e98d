"""Text in the pixels is found where a machine wrote it; markers of lead and limbs are none."""

import numpy as np
import pytest

from benchmarks.burned_in_text import Writing, write
from model.burned_in_text import find_text
from phantom.radiograph import PhantomSpec, make_phantom

pytestmark = pytest.mark.requirement("R-DATA-4")

PHANTOM = make_phantom(PhantomSpec(seed=3)).pixels


@pytest.mark.parametrize("place", [(0.03, 0.02), (0.5, 0.9), (0.3, 0.45)])
@pytest.mark.parametrize("height", [20, 32, 48])
def test_a_name_is_found_where_it_is(height: int, place: tuple[float, float]) -> None:
    lines = find_text(write(PHANTOM, Writing("MUELLER^ANNA", height, 1.0, place)))
    assert lines
    x, y = place[0] * PHANTOM.shape[1], place[1] * PHANTOM.shape[0]
    assert any(abs(one.y0 - y) < height and abs(one.x0 - x) < 6 * height for one in lines)


def test_text_that_runs_up_the_edge_is_found() -> None:
    written = write(np.rot90(PHANTOM), Writing("MUELLER^ANNA", 24, 1.0, (0.2, 0.03)))
    assert find_text(np.rot90(written, -1))


def test_dark_letters_on_a_bright_ground_are_found() -> None:
    assert find_text(PHANTOM.max() - write(PHANTOM, Writing("1957-03-14", 24, 1.0, (0.1, 0.1))))


def test_text_in_an_image_of_many_pixels_is_found() -> None:
    large = np.kron(PHANTOM, np.ones((3, 3), PHANTOM.dtype))
    assert find_text(write(large, Writing("MUELLER^ANNA", 90, 1.0, (0.1, 0.1))))


@pytest.mark.parametrize("letters", ["R", "L", "RT"])
def test_a_marker_is_no_text(letters: str) -> None:
    assert find_text(write(PHANTOM, Writing(letters, 48, 0.8, (0.05, 0.4)))) == []


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_limb_is_no_text(seed: int) -> None:
    for region in ("hand", "leg"):
        assert find_text(make_phantom(PhantomSpec(seed=seed, region=region)).pixels) == []


def test_an_empty_image_and_noise_have_none() -> None:
    noise = np.random.default_rng(0).integers(0, 4096, (300, 300)).astype(np.uint16)
    assert find_text(noise) == find_text(np.zeros((20, 20), np.uint16)) == []
