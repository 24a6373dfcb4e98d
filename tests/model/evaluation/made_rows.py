"""Rows of measured images that were never measured: each test makes those it needs."""

from pathlib import Path
from typing import Any

import numpy as np

from model.card import BoxPoint, OperatingPoint, OperatingPoints
from model.datasets.labelled import LabelledImage, flags_of
from model.evaluation.measured import Measured
from model.prediction import Box

POINTS = OperatingPoints(
    sensitive=OperatingPoint(probability=0.3, chosen_for="a test"),
    specific=OperatingPoint(probability=0.6, chosen_for="a test"),
    box=BoxPoint(peak_share=0.5, chosen_for="a test"),
)


def labelled(fractured: bool, number: int = 0, **known: Any) -> LabelledImage:
    """An image that shows a hand, in a group of its own unless told otherwise."""
    told: dict[str, Any] = {"group": f"g{number}", "regions": flags_of("hand"), **known}
    return LabelledImage(Path(f"{number:04}.png"), split="val", fractured=fractured, **told)


def row(fractured: bool, probability: float | None, number: int = 0, **said: Any) -> Measured:
    """What was said of an image of 100 × 100 pixels; `image` replaces what is true of it."""
    image = said.pop("image", labelled(fractured, number))
    logit = (
        None
        if probability is None
        else float(np.log((probability + 1e-9) / (1 - probability + 1e-9)))
    )
    reason = "too dark" if probability is None else None
    return Measured(image, 100, 100, probability, logit, **{"reason": reason, **said})


def rows(fractured: list[float], others: list[float]) -> list[Measured]:
    """Fractured images with these probabilities, then others with those."""
    told = [(True, one) for one in fractured] + [(False, one) for one in others]
    return [row(label, probability, number) for number, (label, probability) in enumerate(told)]


def mark(x: float, y: float, score: float, size: float = 2) -> Box:
    """A mark around a point."""
    half = size / 2
    return Box(x - half, y - half, x + half, y + half, score)


def many_rows(count: int = 500, groups: int = 60, seed: int = 0) -> list[Measured]:
    """As many as a validation part has, with everything that can be told."""
    random = np.random.default_rng(seed)
    return [_drawn_row(random, number, groups) for number in range(count)]


def _drawn_row(random: np.random.Generator, number: int, groups: int) -> Measured:
    fractured = bool(random.random() < 0.2)
    probability = round(float(np.clip(random.normal(0.2 + 0.4 * fractured, 0.2), 0, 1)), 4)
    region = ("hand", "leg", "hip", "shoulder")[int(random.integers(4))]
    true = ((40.0, 40.0, 60.0, 60.0),) if fractured else ()
    spots = tuple(mark(*random.uniform(30, 70, 2), float(random.random())) for _ in range(3))
    peaks = tuple(sorted(spots, key=lambda one: -one.score))
    image = labelled(
        fractured,
        number,
        group=f"g{number % groups}",
        regions=flags_of(region),
        boxes=true,
        views=(("frontal", "lateral")[number % 2],),
        hardware=number % 7 == 0,
        multiscan=number % 5 == 0,
    )
    shown = peaks[:1] if probability >= POINTS.sensitive.probability else ()
    said = {"hand": 0.2, "leg": 0.2, "hip": 0.2, "shoulder": 0.2, region: 0.9}
    metal = 0.8 if number % 7 == 0 else 0.1
    told = {"peaks": peaks, "boxes": shown, "regions": said, "hardware": metal}
    return row(fractured, probability, image=image, **told)
