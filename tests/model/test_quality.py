"""Images that nobody could judge are refused with a reason; radiographs are not."""

import re
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter, rotate, uniform_filter1d

from model.quality import Grade, assess_quality, measure_quality
from model.radiograph import Radiograph, read_picture
from phantom.anatomy import REGIONS
from phantom.radiograph import VIEWS, PhantomSpec, make_phantom
from tests.services import require_shared_data

pytestmark = pytest.mark.requirement("R-MODEL-2")

Grey = NDArray[np.float32]


def _phantom(seed: int, region: str = "hand", view: str = "ap") -> Grey:
    spec = PhantomSpec(seed, region, view, seed % 2 == 1, rows=480, columns=400)
    return (make_phantom(spec).pixels / 4095).astype(np.float32)


def _stored(grey: NDArray[np.floating]) -> Grey:
    """As eight bits hold it."""
    return (np.rint(np.clip(grey, 0, 1) * 255) / 255).astype(np.float32)


def _assess(grey: NDArray[np.floating]) -> list[tuple[Grade, str]]:
    problems = assess_quality(Radiograph(np.asarray(grey, np.float32)))
    return [(problem.grade, problem.reason) for problem in problems]


@pytest.mark.parametrize("region", sorted(REGIONS))
@pytest.mark.parametrize("view", VIEWS)
def test_a_radiograph_has_no_problem(region: str, view: str) -> None:
    assert _assess(_phantom(3, region, view)) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda grey: 1 - grey,
        lambda grey: 0.4 + 0.2 * grey,
        lambda grey: np.kron(grey, np.ones((2, 2))),
        lambda grey: gaussian_filter(grey, 0.7),
        lambda grey: np.clip(1.3 * grey, 0, 1),
        lambda grey: _stored(grey + np.random.default_rng(0).normal(0, 0.03, grey.shape)),
    ],
    ids=["negative", "faint", "doubled", "smoothed", "bright", "grainy"],
)
def test_what_the_network_bears_is_no_problem(change: Callable[[Grey], Grey]) -> None:
    assert _assess(change(_phantom(4))) == []


def _moved(grey: Grey, degrees: float) -> Grey:
    """Smeared over 8 % of the width in a direction."""
    turned = rotate(grey, degrees, reshape=True, order=1, mode="nearest")
    smeared = uniform_filter1d(turned, round(0.08 * grey.shape[1]), axis=1, mode="nearest")
    back = rotate(smeared, -degrees, reshape=True, order=1, mode="nearest")
    top, left = ((back.shape[axis] - grey.shape[axis]) // 2 for axis in (0, 1))
    return _stored(back[top : top + grey.shape[0], left : left + grey.shape[1]])


def _peppered(grey: Grey, share: float) -> Grey:
    draw = np.random.default_rng(1).random(grey.shape)
    return np.where(draw < share / 2, 0, np.where(draw > 1 - share / 2, 1, grey))


def _noise(grey: Grey, level: float, deviation: float) -> Grey:
    noise: Grey = np.random.default_rng(2).normal(level, deviation, grey.shape)
    return _stored(noise)


def _shrunk(grey: Grey) -> Grey:
    return np.asarray(Image.fromarray(grey).resize((40, 48)))


SPOILT: list[tuple[str, Callable[[Grey], Grey], str]] = [
    ("blank", lambda grey: np.full_like(grey, 0.5), "blank"),
    ("almost blank", lambda grey: 0.5 + 0.01 * grey, "blank"),
    ("constant and noise", lambda grey: _noise(grey, 0.5, 0.05), "noise"),
    ("white noise", lambda grey: _noise(grey, 0.5, 0.3), "noise"),
    ("salt and pepper", lambda grey: _peppered(grey, 0.5), "noise"),
    ("thumbnail", _shrunk, "too small (40 × 48 pixels) to be assessed"),
    ("crushed dark", lambda grey: _stored((grey / grey.max()) ** 20), "grey levels"),
    ("underexposed", lambda grey: _stored(grey * 12 / 255), "grey levels"),
    ("overexposed", lambda grey: _stored(1 - (1 - grey) * 12 / 255), "grey levels"),
    ("a page of text", lambda grey: (grey > 0.6).astype(np.float32), "grey levels"),
    ("out of focus", lambda grey: gaussian_filter(grey, 0.05 * grey.shape[1]), "blurred"),
    ("moved across", lambda grey: _moved(grey, 0), "blurred"),
    ("moved along", lambda grey: _moved(grey, 90), "blurred"),
    ("moved aslant", lambda grey: _moved(grey, 30), "blurred"),
]


@pytest.mark.parametrize(
    ("spoil", "words"), [case[1:] for case in SPOILT], ids=[c[0] for c in SPOILT]
)
def test_what_nobody_could_judge_is_refused(spoil: Callable[[Grey], Grey], words: str) -> None:
    for seed in range(3):
        first, *_ = _assess(spoil(_phantom(seed)))
        assert first[0] is Grade.NOT_ASSESSABLE
        assert words in first[1]


def test_a_small_image_and_a_grainy_one_are_judged_with_a_note() -> None:
    small = np.asarray(Image.fromarray(_phantom(1)).resize((100, 120)))
    assert (Grade.NOTE, "the image is small (100 × 120 pixels)") in _assess(small)
    grainy = _stored(_phantom(1) + np.random.default_rng(3).normal(0, 0.15, (480, 400)))
    assert (Grade.NOTE, "the image is noisy") in _assess(grainy)


def test_plain_white_counts_inside_the_picture_and_not_at_its_edge() -> None:
    grey = np.clip(_phantom(2), 0.1, 0.9)
    framed, burnt = grey.copy(), grey.copy()
    framed[:80] = framed[:, :80] = 1
    burnt[150:342, 100:300] = 1
    assert _assess(framed) == []
    ((grade, white),), ((_, black),) = _assess(burnt), _assess(1 - burnt)
    assert grade is Grade.NOTE
    assert re.fullmatch(r"(19|20|21) % of the image is burnt out to plain white", white)
    assert re.fullmatch(r"(19|20|21) % of the image is cut off to plain black", black)


def test_refusals_come_before_notes() -> None:
    grades = [grade for grade, _ in _assess(_noise(_phantom(0)[:100, :100], 0.5, 0.01))]
    assert grades == sorted(grades, key=lambda grade: grade is Grade.NOTE)
    assert set(grades) == set(Grade)


@settings(deadline=None, max_examples=50)
@given(
    arrays(np.float32, st.tuples(st.integers(1, 300), st.integers(1, 300)), fill=st.just(0.5)),
)
def test_any_picture_is_measured(grey: Grey) -> None:
    assess_quality(Radiograph(np.clip(np.nan_to_num(grey), 0, 1)))


@pytest.mark.parametrize("rows", [1, 2, 16, 64, 3000])
@pytest.mark.parametrize("columns", [1, 17, 65, 2000])
def test_any_matrix_is_measured(rows: int, columns: int) -> None:
    grey = np.random.default_rng(0).random((rows, columns), np.float32)
    (first, *_) = _assess(grey)
    assert first[0] is Grade.NOT_ASSESSABLE
    assert measure_quality(Radiograph(grey)).likeness < 0.6 or min(rows, columns) < 64


def test_real_radiographs_are_not_refused() -> None:
    pictures = sorted((require_shared_data("fracatlas") / "images").iterdir())[::150]
    assert len(pictures) > 15
    for picture in pictures:
        grades = [problem.grade for problem in assess_quality(read_picture(picture))]
        assert Grade.NOT_ASSESSABLE not in grades, picture.name
