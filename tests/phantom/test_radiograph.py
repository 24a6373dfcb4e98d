"""Phantoms: the same spec the same picture, and a break that is where its box says."""

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phantom.anatomy import REGIONS
from phantom.radiograph import VIEWS, Phantom, PhantomSpec, PixelBox, UnknownPhantom, make_phantom

EVERY_VIEW = [(region, view) for region in REGIONS for view in VIEWS]


def small(seed: int, region: str, view: str, *, fractured: bool) -> Phantom:
    return make_phantom(PhantomSpec(seed, region, view, fractured, rows=384, columns=312))


def digest(phantom: Phantom) -> str:
    return hashlib.sha256(phantom.pixels.tobytes()).hexdigest()


def area(box: PixelBox) -> tuple[slice, slice]:
    return slice(box.y0, box.y1), slice(box.x0, box.x1)


@pytest.mark.parametrize(("region", "view"), EVERY_VIEW)
def test_the_same_spec_gives_the_same_pixels(region: str, view: str) -> None:
    one, again = (small(7, region, view, fractured=True) for _ in range(2))
    assert digest(one) == digest(again)
    assert one.boxes == again.boxes


def test_seeds_regions_views_and_breaks_give_different_pictures() -> None:
    phantoms = [
        small(seed, region, view, fractured=fractured)
        for seed in range(3)
        for region, view in EVERY_VIEW
        for fractured in (False, True)
    ]
    assert len({digest(phantom) for phantom in phantoms}) == len(phantoms)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("region", "view"), EVERY_VIEW)
def test_the_break_is_in_its_box(region: str, view: str, seed: int) -> None:
    whole = small(seed, region, view, fractured=False)
    broken = small(seed, region, view, fractured=True)
    (box,) = broken.boxes
    change = np.abs(broken.pixels.astype(float) - whole.pixels)
    inside = change[area(box)].mean()
    outside = (change.sum() - change[area(box)].sum()) / (change.size - change[area(box)].size)
    assert inside > 20, "a reader would not see the break"
    assert inside > 10 * outside
    assert whole.boxes == ()


@pytest.mark.parametrize("region", REGIONS)
def test_both_views_show_the_break_at_the_same_height(region: str) -> None:
    for seed in range(5):
        heights = [
            ((box.y0 + box.y1) / 2 - phantom.spec.rows / 2) * phantom.spacing_mm
            for phantom in (small(seed, region, view, fractured=True) for view in VIEWS)
            for box in phantom.boxes
        ]
        assert abs(heights[0] - heights[1]) < 6


@pytest.mark.parametrize(("region", "view"), EVERY_VIEW)
def test_bone_is_brighter_than_tissue_than_air_than_the_shutter(region: str, view: str) -> None:
    pixels = make_phantom(PhantomSpec(1, region, view, rows=512, columns=512)).pixels
    assert pixels[:, 0].max() == 0, "the collimator's blades are black"
    lit = pixels[pixels > 0]
    air, tissue, bone = np.percentile(lit, [10, 75, 99.5])
    assert 150 < air < 400
    assert air < tissue - 50
    assert tissue < bone - 500


@given(
    seed=st.integers(0, 2**31),
    region=st.sampled_from(list(REGIONS)),
    view=st.sampled_from(VIEWS),
    rows=st.integers(32, 400),
    columns=st.integers(32, 400),
)
@settings(max_examples=40, deadline=None)
def test_any_size_gives_twelve_bits_and_a_box_inside(
    seed: int, region: str, view: str, rows: int, columns: int
) -> None:
    phantom = make_phantom(PhantomSpec(seed, region, view, True, rows, columns))
    assert phantom.pixels.shape == (rows, columns)
    assert phantom.pixels.dtype == np.uint16
    assert phantom.pixels.max() < 1 << 12
    (box,) = phantom.boxes
    assert 0 <= box.x0 < box.x1 <= columns
    assert 0 <= box.y0 < box.y1 <= rows


def test_a_detector_of_full_size() -> None:
    phantom = make_phantom(PhantomSpec(2, "hand", "ap", True, rows=3000, columns=2500))
    assert phantom.pixels.shape == (3000, 2500)
    assert phantom.spacing_mm < 0.11


@pytest.mark.parametrize(
    "wrong",
    [
        {"region": "tail"},
        {"view": "oblique"},
        {"rows": 31},
        {"columns": 4097},
        {"seed": -1},
    ],
)
def test_an_unknown_phantom_is_refused(wrong: dict[str, int | str]) -> None:
    with pytest.raises(UnknownPhantom):
        PhantomSpec(**{"seed": 1, **wrong})  # type: ignore[arg-type]
