"""Radiographs of patients where they are beside the checkout, phantoms elsewhere."""

import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from model.classifier import FractureClassifier
from model.datasets.labelled import of_split
from model.datasets.reading import read_data_set
from model.radiograph import Radiograph, read_picture
from phantom.radiograph import PhantomSpec, make_phantom
from tests.services import SHARED_DATA

Picture = NDArray[np.uint8]
_PATIENTS, _PHANTOMS = 60, 12


@dataclass(frozen=True, slots=True)
class Judged:
    """A picture with the probability the shipped classifier gives it."""

    pixels: Picture
    probability: float
    fractured: bool


@pytest.fixture(scope="session")
def probability(shipped: FractureClassifier) -> Callable[[Radiograph], float]:
    """Of one radiograph; one that is refused counts as none, so that tests see it move."""

    def judge(radiograph: Radiograph) -> float:
        (prediction,) = shipped.predict([radiograph])
        return prediction.probability if prediction.probability is not None else float("nan")

    return judge


@pytest.fixture(scope="session")
def some_judged(probability: Callable[[Radiograph], float]) -> list[Judged]:
    """A third of them: enough where another way of reading would move every one."""
    return _judged(_pictures()[::3], probability)


@pytest.fixture(scope="session")
def judged(probability: Callable[[Radiograph], float]) -> list[Judged]:
    """Half of them fractured, each judged as it is."""
    return _judged(_pictures(), probability)


def _judged(
    pictures: list[tuple[Picture, bool]], probability: Callable[[Radiograph], float]
) -> list[Judged]:
    return [
        Judged(pixels, probability(Radiograph.of_bytes(pixels)), fractured)
        for pixels, fractured in pictures
    ]


def _pictures() -> list[tuple[Picture, bool]]:
    folder = SHARED_DATA / "fracatlas"
    if not folder.is_dir():
        return [_phantom(seed, seed % 2 == 1) for seed in range(_PHANTOMS)]
    images = of_split(read_data_set(folder).images, "val")
    chosen = [
        image
        for fractured in (False, True)
        for image in random.Random(0).sample(
            [one for one in images if one.fractured is fractured], _PATIENTS // 2
        )
    ]
    return [(read_picture(image.path).to_bytes(), image.fractured) for image in chosen]


def _phantom(seed: int, fractured: bool) -> tuple[Picture, bool]:
    pixels = make_phantom(PhantomSpec(seed, fractured=fractured, rows=512, columns=420)).pixels
    return (pixels >> 4).astype(np.uint8), fractured
