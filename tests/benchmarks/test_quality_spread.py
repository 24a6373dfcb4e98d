"""Refusals and notes are counted by image, reasons without an image's own numbers."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.quality_spread import Assessed, assess, choose_images, spread_of
from model.datasets.labelled import LabelledImage
from phantom.radiograph import PhantomSpec, make_phantom


def _image(path: Path, group: str = "1") -> LabelledImage:
    return LabelledImage(path, group, "", True, ())


def _assessed(folder: Path, seed: int, rows: int, columns: int) -> Assessed:
    phantom = make_phantom(PhantomSpec(seed, rows=rows, columns=columns))
    path = folder / f"{seed}.png"
    Image.fromarray((phantom.pixels >> 4).astype(np.uint8)).save(path)
    return assess(_image(path))


@pytest.fixture(scope="module")
def assessed(tmp_path_factory: pytest.TempPathFactory) -> list[Assessed]:
    """Ordinary ones, two that are small, one that is too small."""
    folder = tmp_path_factory.mktemp("phantoms")
    sides = [(320, 256), (320, 256), (320, 256), (160, 120), (150, 110), (60, 50)]
    return [_assessed(folder, seed, *shape) for seed, shape in enumerate(sides)]


def test_an_image_is_refused_or_noted_or_neither(assessed: list[Assessed]) -> None:
    spread = spread_of(assessed)
    assert (spread.looked_at, spread.refused, spread.noted_only) == (6, 1, 2)
    assert spread.reasons["note: the image is small (… pixels)"] == 2
    refusal = "not assessable: the image is too small (… pixels) to be assessed"
    assert spread.reasons[refusal] == 1


def test_the_measures_are_those_of_real_images_in_order(assessed: list[Assessed]) -> None:
    spread = spread_of(assessed)
    assert spread.measures["rows"][0] == 60
    assert spread.measures["rows"][-1] == 320
    for values in spread.measures.values():
        assert list(values) == sorted(values)
    assert spread.milliseconds > 0


def test_the_median_image_is_the_one_that_is_timed(assessed: list[Assessed]) -> None:
    costs = [0.001, 0.002, 0.5]
    timed = [
        Assessed(one.problems, one.quality, cost)
        for one, cost in zip(assessed, costs, strict=False)
    ]
    assert spread_of(timed).milliseconds == pytest.approx(2)


def test_of_near_copies_the_first_stands_for_all() -> None:
    images = [
        _image(Path(f"{name}.png"), group) for name, group in zip("abcd", "1121", strict=True)
    ]
    assert {one.path.stem for one in choose_images(images, True, None)} == {"a", "c"}
    assert len(choose_images(images, False, 3)) == 3
    assert len(choose_images(images, False, None)) == 4
