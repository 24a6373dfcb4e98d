"""Regions, subgroups and fracture types: figures of parts of the images."""

import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    precision_score,
    recall_score,
    top_k_accuracy_score,
)

from model.datasets.labelled import REGIONS, flags_of
from model.evaluation.fracture_types import type_answers, type_figures
from model.evaluation.measured import Measured, truths
from model.evaluation.metrics import Sample
from model.evaluation.regions import region_accuracy, region_confusion
from model.evaluation.subgroups import FEWEST, subgroups
from model.figures import Subgroup
from tests.model.evaluation.made_rows import labelled, many_rows, row

TYPES = ("hairline", "oblique", "spiral")


def _shows(number: int, shown: tuple[str, ...], told: str) -> Measured:
    image = labelled(False, number, regions=flags_of(*shown))
    return row(False, 0.1, image=image, regions=dict.fromkeys(REGIONS, 0.1) | {told: 0.9})


def test_one_of_several_regions_shown_is_right() -> None:
    measured = [
        _shows(0, ("hand",), "hand"),
        _shows(1, ("hand", "hip"), "hip"),
        _shows(2, ("leg",), "hip"),
        row(False, 0.1, image=labelled(False, 3, regions=())),
    ]
    accuracy = region_accuracy(measured)
    assert accuracy is not None
    assert accuracy.value == pytest.approx(2 / 3, abs=1e-4)
    table = region_confusion(measured)
    assert table is not None
    assert table.several_shown == 1
    assert table.counts == ((1, 0, 0, 0), (0, 0, 1, 0), (0, 0, 0, 0), (0, 0, 0, 0))


def test_a_classifier_without_regions_has_no_figure_of_them() -> None:
    assert region_accuracy([row(True, 0.5)]) is None
    assert region_confusion([row(True, 0.5)]) is None


def _parts_of(measured: list[Measured]) -> dict[tuple[str, str], Subgroup]:
    parts = subgroups(measured, Sample.of(truths(measured)), (0.3, 0.6))
    return {(part.kind, part.name): part for part in parts}


def test_each_part_has_the_figures_of_its_images_alone() -> None:
    measured = many_rows(300)
    parts = _parts_of(measured)
    lateral = [one for one in measured if one.image.views == ("lateral",)]
    part = parts["view", "lateral"]
    assert (part.images, part.fractured) == (
        len(lateral),
        sum(one.image.fractured for one in lateral),
    )
    called = [one.probability >= 0.3 for one in lateral if one.image.fractured]
    assert part.sensitive.sensitivity is not None
    assert part.sensitive.sensitivity.value == pytest.approx(np.mean(called), abs=1e-4)
    assert parts["view", "frontal"].images + part.images == 300
    assert ("long side", "under 512 px") in parts


def test_too_few_images_carry_no_figure() -> None:
    fractured = [row(True, 0.8, n) for n in range(FEWEST - 1)]
    others = [row(False, 0.1, 100 + n) for n in range(FEWEST)]
    part = _parts_of(fractured + others)["region", "hand"]
    assert part.auroc is None
    assert part.specific.sensitivity is None
    assert part.specific.specificity is not None
    enough = _parts_of([*fractured, row(True, 0.8, 99), *others])["region", "hand"]
    assert enough.auroc is not None
    assert enough.specific.sensitivity is not None


def _types(seed: int = 0) -> tuple[list[str], np.ndarray]:
    random = np.random.default_rng(seed)
    true = [TYPES[n] for n in random.integers(0, 3, 90)]
    probabilities = random.dirichlet([1, 1, 1], 90)
    probabilities[:, 0] *= 1.2
    return true, probabilities


def test_type_figures_are_scikit_learns() -> None:
    true, probabilities = _types()
    told = [TYPES[n] for n in probabilities.argmax(axis=1)]
    figures = type_figures(true, probabilities, TYPES, list(map(str, range(90))))
    numbers = [TYPES.index(name) for name in true]
    expected = {
        "accuracy": accuracy_score(true, told),
        "top_two_accuracy": top_k_accuracy_score(numbers, probabilities, k=2),
        "macro_precision": precision_score(true, told, average="macro"),
        "macro_recall": recall_score(true, told, average="macro"),
        "macro_f1": f1_score(true, told, average="macro"),
    }
    for name, value in expected.items():
        figure = getattr(figures, name)
        assert figure.value == pytest.approx(value, abs=1e-4), name
        assert figure.low < figure.value < figure.high, name
    assert sum(map(sum, figures.confusion)) == 90
    assert figures.rows[0].recall == pytest.approx(
        figures.confusion[0][0] / sum(figures.confusion[0]), abs=1e-4
    )


def test_redrawn_macro_figures_are_those_of_the_images_drawn() -> None:
    from model.evaluation.fracture_types import TypeAnswers, _macro

    true, probabilities = _types(1)
    numbers = np.array([TYPES.index(name) for name in true])
    answers = TypeAnswers(numbers, probabilities, TYPES, tuple(map(str, range(90))))
    weights = np.random.default_rng(5).integers(0, 3, (4, 90)).astype(float)
    weights[3, numbers == 2] = 0  # a redraw may lack a type: it then counts in no mean
    for drawn, redrawn in zip(weights, _macro(weights, answers, np.arange(3)), strict=True):
        rows = np.repeat(np.arange(90), drawn.astype(int))
        pair, held = (numbers[rows], answers.told[rows]), np.unique(numbers[rows])
        assert redrawn == pytest.approx(
            [
                score(*pair, labels=held, average="macro", zero_division=0)
                for score in (precision_score, recall_score, f1_score)
            ]
        )


def test_a_type_that_never_occurs_counts_in_no_mean() -> None:
    probabilities = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.8, 0.1]])
    figures = type_figures(
        ["hairline", "oblique", "oblique"], probabilities, TYPES, ["a", "b", "c"]
    )
    assert figures.macro_recall.value == 1
    assert figures.rows[2].recall is None
    assert figures.rows[2].images == 0


def test_types_are_measured_where_they_are_known_and_told() -> None:
    image = labelled(True, fracture_type="spiral")
    told = row(True, 0.9, image=image, types={"hairline": 0.2, "spiral": 0.8})
    unknown_word = row(True, 0.9, image=labelled(True, fracture_type="buckle"), types=told.types)
    answers = type_answers([told, unknown_word, row(True, 0.9), row(True, None, image=image)])
    assert answers is not None
    assert (list(answers.true), answers.names) == ([1], ("hairline", "spiral"))
    assert type_answers([row(True, 0.9)]) is None
