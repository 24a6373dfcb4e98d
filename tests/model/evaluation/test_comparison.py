"""Two classifiers on the same images: paired, and no more said than the images allow."""

from dataclasses import replace

import numpy as np
import pytest

from model.artefact import bundled_artefact, load_artefact
from model.card import Card
from model.evaluation.comparison import Comparison, Difference, Judge, compare
from model.evaluation.comparison_text import describe, verdict
from model.evaluation.measured import Measured
from model.evaluation.summary import NothingJudged
from tests.model.evaluation.made_rows import POINTS, many_rows, row, rows

NO_DIFFERENCE = "no difference that these images can show"


def _judge(measured: list[Measured], version: str = "1") -> Judge:
    card: Card = load_artefact(bundled_artefact()).card
    return Judge(card.model_copy(update={"operating_points": POINTS, "version": version}), measured)


def _blurred(measured: list[Measured], deviation: float) -> list[Measured]:
    """The same images by a classifier that is less sure."""
    random = np.random.default_rng(9)
    noise = random.normal(0, deviation, len(measured))
    return [
        replace(one, probability=float(np.clip((one.probability or 0) + shift, 0, 1)))
        for one, shift in zip(measured, noise, strict=True)
    ]


def _named(comparison: Comparison, name: str) -> Difference:
    return next(one for one in comparison.differences if one.name == name)


def test_a_classifier_does_not_differ_from_itself() -> None:
    measured = many_rows(200)
    comparison = compare(_judge(measured), _judge(measured))
    for difference in comparison.differences:
        assert difference.first == difference.second
        assert (difference.difference.low, difference.difference.high) == (0, 0)
        assert verdict(difference) == NO_DIFFERENCE
    assert comparison.delong == (0, 1)
    assert "both say the same of" in describe(comparison)
    assert "A says" not in describe(comparison)


def test_a_worse_one_is_found_and_by_either_name() -> None:
    sharp = many_rows(500)
    blurred = _blurred(sharp, 0.5)
    forth = compare(_judge(sharp), _judge(blurred))
    back = compare(_judge(blurred), _judge(sharp))
    auroc = _named(forth, "AUROC")
    assert auroc.shown
    assert auroc.difference.high < 0
    assert verdict(auroc) == "A is higher"
    assert verdict(_named(back, "AUROC")) == "B is higher"
    assert forth.delong is not None
    assert back.delong is not None
    assert forth.delong[1] < 0.001
    assert forth.delong[0] == -back.delong[0] < 0


def test_a_paired_interval_is_narrower_than_two_apart() -> None:
    sharp = many_rows(300)
    auroc = _named(compare(_judge(sharp), _judge(_blurred(sharp, 0.05))), "AUROC")
    others = many_rows(300, seed=1)
    apart = _named(compare(_judge(sharp), _judge(_mixed(sharp, others))), "AUROC")
    assert _width(auroc) < 0.5 * _width(apart)


def _mixed(images: list[Measured], said: list[Measured]) -> list[Measured]:
    """What was said of other images of the same label, as if it were of these."""
    queues = {
        label: iter([one.probability for one in said if one.image.fractured is label] * 3)
        for label in (True, False)
    }
    return [replace(one, probability=next(queues[one.image.fractured])) for one in images]


def _width(difference: Difference) -> float:
    return difference.difference.high - difference.difference.low


def test_what_each_says_is_counted() -> None:
    first = rows([0.9, 0.4, 0.1], [0.1, 0.7])
    second = rows([0.9, 0.7, 0.1], [0.4, 0.1])
    comparison = compare(_judge(first), _judge(second))
    assert comparison.agreement.fractured == ((1, 0, 0), (0, 0, 1), (0, 0, 1))
    assert comparison.agreement.others == ((0, 1, 0), (0, 0, 0), (1, 0, 0))
    text = describe(comparison)
    assert "fractured images: both say the same of 2 of 3" in text
    assert "  A says possible, B says fracture: 1" in text
    assert "  A says fracture, B says none: 1" in text
    assert NO_DIFFERENCE in text
    called = _named(comparison, "sensitivity, called fracture")
    assert (called.first, called.second) == (0.3333, 0.6667)
    assert called.difference.value == 0.3333


def test_an_image_that_one_declines_is_compared_by_neither() -> None:
    first = rows([0.9, 0.4], [0.5, 0.2])
    second = [row(True, None, 0), *first[1:]]
    comparison = compare(_judge(first), _judge(second))
    assert (comparison.images, comparison.fractured, comparison.left_out) == (3, 1, 1)
    assert comparison.delong is None  # one fractured image has no variance


def test_images_of_one_class_are_refused() -> None:
    measured = rows([0.9, 0.4], [])
    with pytest.raises(NothingJudged, match="with and without a fracture"):
        compare(_judge(measured), _judge(measured))
