"""The same exposure is found whatever was done to its file; other limbs are left apart."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model.datasets.duplicates import (
    Copy,
    DuplicatePair,
    find_duplicates,
    join_duplicates,
    leave_out_leaks,
)
from model.datasets.labelled import LabelledImage
from phantom.anatomy import REGIONS
from phantom.radiograph import VIEWS, PhantomSpec
from tests.model.datasets.conftest import phantom_pixels

Change = Callable[[Image.Image], Image.Image]


def _labelled(path: Path, group: str = "") -> LabelledImage:
    return LabelledImage(path, group or path.stem, "", False, ())


@pytest.fixture(scope="module")
def limbs(tmp_path_factory: pytest.TempPathFactory) -> list[LabelledImage]:
    """One phantom of each region and view."""
    folder = tmp_path_factory.mktemp("limbs")
    specs = [
        PhantomSpec(seed, region, view, rows=240, columns=200)
        for seed, region in enumerate(REGIONS)
        for view in VIEWS
    ]
    images = []
    for spec in specs:
        path = folder / f"{spec.region}-{spec.view}.png"
        Image.fromarray(phantom_pixels(spec)).save(path)
        images.append(_labelled(path))
    return images


def _cropped(
    image: Image.Image, left: float, top: float, right: float, bottom: float
) -> Image.Image:
    return image.crop(
        (
            round(left * image.width),
            round(top * image.height),
            round((1 - right) * image.width),
            round((1 - bottom) * image.height),
        )
    )


def _darker(image: Image.Image) -> Image.Image:
    grey = np.asarray(image, np.float32) / 255
    return Image.fromarray(np.rint(255 * 0.8 * grey**1.4).astype(np.uint8))


CHANGES: dict[str, Change] = {
    "smaller": lambda image: image.resize((image.width // 2, image.height // 2)),
    "a side cropped": lambda image: _cropped(image, 0, 0, 0.06, 0),
    "all sides cropped": lambda image: _cropped(image, 0.04, 0.05, 0.03, 0.05),
    "mirrored": lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "upside down": lambda image: image.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
    "a quarter turn": lambda image: image.rotate(90, expand=True),
    "three quarters, cropped": lambda image: _cropped(image, 0, 0.05, 0, 0).rotate(
        270, expand=True
    ),
    "turned and mirrored": lambda image: image.transpose(Image.Transpose.TRANSVERSE),
    "another exposure": _darker,
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_found_and_nothing_else(
    limbs: list[LabelledImage], tmp_path: Path, change: str
) -> None:
    original = limbs[3]
    copy = _labelled(tmp_path / "copy.jpg")
    CHANGES[change](Image.open(original.path)).save(copy.path, quality=60)
    (pair,) = find_duplicates([*limbs, copy])
    assert (pair.first, pair.second, pair.copy) == (original.path, copy.path, Copy.NEAR)
    assert pair.correlation > 0.85


def test_the_same_pixels_in_another_file_are_an_exact_copy(
    limbs: list[LabelledImage], tmp_path: Path
) -> None:
    copies = [_labelled(tmp_path / f"{number}.png") for number in range(2)]
    for number, copy in enumerate(copies):
        Image.open(limbs[0].path).save(copy.path, compress_level=number)
    pairs = find_duplicates([*limbs, *copies])
    assert [(pair.first, pair.second) for pair in pairs] == [
        (limbs[0].path, copy.path) for copy in copies
    ]
    assert {pair.copy for pair in pairs} == {Copy.EXACT}


def test_other_limbs_and_nothing_are_no_duplicates(limbs: list[LabelledImage]) -> None:
    assert find_duplicates(limbs) == ()
    assert find_duplicates(limbs[:1]) == ()
    assert find_duplicates([]) == ()


def test_groups_of_duplicates_are_united_along_chains() -> None:
    images = [_labelled(Path(f"{number}.png"), f"g{number // 2}") for number in range(10)]
    pairs = [_pair(9, 2), _pair(3, 4), _pair(6, 7)]
    groups = [image.group for image in join_duplicates(images, pairs)]
    assert groups == ["g0", "g0", "g1", "g1", "g1", "g1", "g3", "g3", "g1", "g1"]


def _pair(first: int, second: int) -> DuplicatePair:
    return DuplicatePair(Path(f"{first}.png"), Path(f"{second}.png"), Copy.NEAR, 0.9)


def test_what_is_measured_on_leaves_the_parts_before_it() -> None:
    splits = ("train", "val", "val", "test", "train", "train", "test", "train", "val", "test")
    images = [
        replace(_labelled(Path(f"{number}.png")), split=split)
        for number, split in enumerate(splits)
    ]
    pairs = [_pair(1, 0), _pair(2, 3), _pair(4, 5), _pair(3, 6), _pair(7, 8), _pair(7, 9)]
    kept = leave_out_leaks(images, pairs)
    assert [image.path.name for image in kept.images] == [f"{n}.png" for n in (1, 3, 4, 5, 6, 9)]
    assert [one.path.name for one in kept.dropped] == ["0.png", "2.png", "7.png", "8.png"]
