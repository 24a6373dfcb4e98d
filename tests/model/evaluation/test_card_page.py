"""The card's page holds the card, reads well, and says what speaks against the classifier."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from model.artefact import bundled_artefact, load_artefact
from model.card import Card
from model.evaluation.card_page import card_page
from model.evaluation.fracture_types import type_figures
from model.evaluation.summary import summarise
from model.evaluation.weak_points import weak_points
from tests.model.evaluation.made_rows import POINTS, many_rows, row

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def shipped_card() -> Card:
    return load_artefact(bundled_artefact()).card


@pytest.fixture(scope="module")
def full_card(shipped_card: Card) -> Card:
    """With all the figures that a card can have."""
    unanswered = [row(False, None, 900 + number) for number in range(3)]
    figures = summarise([*many_rows(300), *unanswered], POINTS, "osteon evaluate --data FOLDER")
    told = np.array([[0.2, 0.8]] * 3)
    types = type_figures(["spiral"] * 3, told, ("oblique", "spiral"), ["a", "b", "c"])
    return shipped_card.model_copy(
        update={"validation": figures, "cross_validation": figures, "type_validation": types}
    )


def test_the_document_is_the_page_of_the_artefact_that_ships(shipped_card: Card) -> None:
    assert (ROOT / "docs/model-card.md").read_text() == card_page(shipped_card), (
        "make it again: osteon card > docs/model-card.md"
    )


def test_the_page_holds_what_the_card_says(full_card: Card) -> None:
    page = " ".join(card_page(full_card).split())
    told = [
        full_card.intended_use,
        full_card.calibration.fitted_on,
        *full_card.limits,
        *(text for source in full_card.sources for text in (source.attribution, source.licence)),
        str(full_card.operating_points.specific.probability),
        "In cross-validation",
        "3 not assessable",
        "hardware: present",
        "| spiral | 3 |",
    ]
    assert [text for text in told if " ".join(text.split()) not in page] == []


def test_every_figure_has_its_interval(full_card: Card) -> None:
    figures = full_card.validation
    assert figures is not None
    page = card_page(full_card)
    for figure in (figures.auroc, figures.brier, figures.specific.sensitivity):
        assert figure is not None
        assert f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})" in page


def test_no_line_of_text_is_too_long_and_every_table_is_whole(full_card: Card) -> None:
    widths: set[int] = set()
    for line in card_page(full_card).splitlines():
        if not line.startswith("|"):
            assert len(line) <= 100, line
            assert len(widths) <= 1, line
            widths.clear()
        else:
            widths.add(line.count("|"))
    assert "None" not in card_page(full_card)


def test_weak_points_come_from_the_figures(full_card: Card) -> None:
    figures = full_card.validation
    assert figures is not None
    assert figures.specific.sensitivity is not None
    assert figures.sensitive.sensitivity is not None
    missed = round(100 * (1 - figures.specific.sensitivity.value))
    lost = round(100 * (1 - figures.sensitive.sensitivity.value))
    points = weak_points(full_card)
    assert any(
        f"{lost} are called neither `possible` nor `fracture`, and {missed} are not" in point
        for point in points
    )
    least = min(
        (part.sensitive.sensitivity.value, part.kind, part.name)
        for part in figures.subgroups
        if part.sensitive.sensitivity
    )
    assert any(f"misses most fractures of {least[1]} {least[2]}" in point for point in points)
    most = min(
        (part.sensitive.specificity.value, part.kind, part.name)
        for part in figures.subgroups
        if part.sensitive.specificity
    )
    assert any(f"`possible` or more of {most[1]} {most[2]}" in point for point in points)
    worst = min((part.auroc.value, part.name) for part in figures.subgroups if part.auroc)
    assert any(f"{worst[1]} worst: AUROC {worst[0]:.3f}" in point for point in points)
    assert any("no answer for 3 of 303 images" in point for point in points)


def test_a_card_without_figures_has_a_page(shipped_card: Card) -> None:
    bare = shipped_card.model_copy(
        update={"validation": None, "cross_validation": None, "type_validation": None}
    )
    assert weak_points(bare) == []
    assert "## How well it does" in card_page(bare)


_PRINT_CARD = """
import sys
for absent in ("torch", "sklearn", "scipy", "matplotlib"):
    sys.modules[absent] = None  # importing it raises ImportError
import cli
sys.argv = ["osteon", "card"]
cli.main()
"""


def test_a_node_without_the_training_packages_shows_its_card() -> None:
    outcome = subprocess.run(
        [sys.executable, "-c", _PRINT_CARD],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=ROOT,
    )
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.startswith("# Model card: osteon")
