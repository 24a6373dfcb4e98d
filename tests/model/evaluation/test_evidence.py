"""What the card claims can be reckoned again from the rows that lie in docs/evidence."""

import csv
import json
from pathlib import Path

import pytest
from sklearn.metrics import roc_auc_score

from model.artefact import bundled_artefact, load_artefact
from model.evaluation.report import METRICS, PAGE
from model.figures import Figures
from model.measured_curves import read_measured_curves, thresholds_of
from model.training.evidence import ROWS

pytestmark = pytest.mark.requirement("R-MODEL-3")

CARD = load_artefact(bundled_artefact()).card
ROOT = Path(__file__).parents[3]
EVIDENCE = ROOT / "docs" / "evidence" / f"{CARD.name}-{CARD.version}"


@pytest.fixture(scope="module")
def figures() -> Figures:
    assert CARD.cross_validation is not None
    return CARD.cross_validation


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    with (EVIDENCE / ROWS).open(encoding="utf-8") as table:
        return list(csv.DictReader(table))


def test_every_image_is_there_once_and_no_group_in_two_folds(
    figures: Figures, rows: list[dict[str, str]]
) -> None:
    assert len(rows) == len({row["file"] for row in rows}) == figures.images
    assert sum(row["fractured"] == "1" for row in rows) == figures.fractured
    fold_of = {(row["group"], row["fold"]) for row in rows}
    assert len(fold_of) == len({row["group"] for row in rows}) == figures.groups


def test_the_cards_figures_follow_from_the_rows(
    figures: Figures, rows: list[dict[str, str]]
) -> None:
    judged = [row for row in rows if row["probability"]]
    assert len(rows) - len(judged) == figures.not_assessable
    labels = [row["fractured"] == "1" for row in judged]
    said = [float(row["probability"]) for row in judged]
    assert figures.auroc is not None
    assert roc_auc_score(labels, said) == pytest.approx(figures.auroc.value, abs=1e-4)
    point = CARD.operating_points.specific.probability
    found = sum(one >= point for one, label in zip(said, labels, strict=True) if label)
    assert figures.specific.sensitivity is not None
    sensitivity = found / sum(labels)
    assert sensitivity == pytest.approx(figures.specific.sensitivity.value, abs=1e-4)


def test_the_report_is_of_these_very_files_and_shows_no_radiograph(figures: Figures) -> None:
    metrics = json.loads((EVIDENCE / METRICS).read_text(encoding="utf-8"))
    assert Figures.model_validate(metrics["figures"]) == figures
    assert metrics["files"] == CARD.files
    page = (EVIDENCE / PAGE).read_text(encoding="utf-8")
    assert all(digest in page for digest in CARD.files.values())
    assert "<img" not in page


def test_the_readme_quotes_the_card(figures: Figures) -> None:
    page = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    quoted = [
        ("AUROC", figures.auroc, 3),
        ("`fracture` sensitivity", figures.specific.sensitivity, 2),
        ("at specificity", figures.specific.specificity, 2),
    ]
    for name, figure, digits in quoted:
        assert figure is not None
        value, low, high = (f"{one:.{digits}f}" for one in (figure.value, figure.low, figure.high))
        assert f"{name} {value} ({low} to {high})" in page
    assert figures.marks is not None
    assert f"in {100 * figures.marks.boxes_hit.value:.0f} of 100 fractured images" in page


def test_the_curves_that_travel_with_the_artefact_follow_from_the_rows(
    figures: Figures, rows: list[dict[str, str]]
) -> None:
    curves = read_measured_curves(bundled_artefact())
    assert curves is not None
    judged = [row for row in rows if row["probability"]]
    said = [float(row["probability"]) for row in judged]
    fractured = [row["fractured"] == "1" for row in judged]
    assert (curves.images, curves.fractured) == (len(judged), sum(fractured))
    assert curves.thresholds == thresholds_of(said, fractured)
    assert curves.note == figures.note
    assert sum(curves.histogram_fractured) == sum(fractured)
