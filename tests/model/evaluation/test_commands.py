"""`osteon evaluate`, `compare` and `card` as a user types them."""

import json
import shutil
from pathlib import Path

import pytest

from model.evaluation.report import METRICS, PAGE
from tests.cli.shell import ROOT, Shell


@pytest.fixture
def shell(tmp_path: Path, small_artefact: Path) -> Shell:
    return Shell(tmp_path, {"model_dir": small_artefact})


@pytest.mark.soak
def test_evaluate_writes_a_report_and_says_the_figures(shell: Shell, phantom_folder: Path) -> None:
    outcome = shell.run_anew("evaluate", "--data", phantom_folder)
    assert outcome.code == 0, outcome.stderr
    assert "10 images, 5 fractured" in outcome.stdout
    assert "AUROC" in outcome.stdout
    assert "\x1b" not in outcome.stdout + outcome.stderr  # no bar, no colour: nobody is watching
    folder = shell.folder / "runs" / "evaluation-osteon-0.0.1-val"
    metrics = json.loads((folder / METRICS).read_text())
    assert metrics["figures"]["images"] == 10
    assert str(phantom_folder.parent) not in (folder / METRICS).read_text()
    page = (folder / PAGE).read_text()
    assert "data:image/jpeg" in page
    assert str(phantom_folder.parent) not in page


def test_evaluate_goes_on_after_a_file_that_cannot_be_read(
    shell: Shell, phantom_folder: Path, tmp_path: Path
) -> None:
    spoilt = tmp_path / "spoilt"
    shutil.copytree(phantom_folder, spoilt)
    (spoilt / "images" / "031.png").write_text("no picture")
    outcome = shell.run(
        *("evaluate", "--data", spoilt, "--json", "--no-thumbnails", "--out", "report")
    )
    assert outcome.code == 20
    assert "031.png: neither a PNG nor a JPEG" in outcome.stderr
    (figures,) = outcome.documents()
    assert (figures["images"], figures["fractured"]) == (9, 4)
    assert 0 <= figures["auroc"]["low"] <= figures["auroc"]["value"] <= 1
    assert "osteon evaluate" in figures["command"]
    assert "data:image" not in (shell.folder / "report" / PAGE).read_text()


def test_evaluate_on_what_is_not_there(shell: Shell, phantom_folder: Path, tmp_path: Path) -> None:
    outcome = shell.run("evaluate", "--data", "nowhere")
    assert outcome.code == 20
    assert "there is no nowhere" in outcome.stderr
    no_part = shell.run("evaluate", "--data", phantom_folder, "--split", "test")
    assert no_part.code == 21
    assert "its parts: train, val" in no_part.stderr
    (tmp_path / "file").write_text("")
    blocked = shell.run("evaluate", "--data", phantom_folder, "--out", tmp_path / "file")
    assert blocked.code == 40


def test_compare_finds_no_difference_between_a_classifier_and_itself(
    shell: Shell, phantom_folder: Path, small_artefact: Path
) -> None:
    outcome = shell.run(
        *("compare", small_artefact, small_artefact, "--data", phantom_folder, "--json")
    )
    assert outcome.code == 0, outcome.stderr
    (document,) = outcome.documents()
    assert document["images"] == 10
    assert document["differences"][0]["name"] == "AUROC"
    assert document["differences"][0]["difference"] == {"value": 0.0, "low": 0.0, "high": 0.0}


def test_card_prints_the_page_of_the_documents(shell: Shell) -> None:
    outcome = shell.run("card", model_dir=None)
    assert outcome.code == 0, outcome.stderr
    assert outcome.stdout == (ROOT / "docs/model-card.md").read_text()
    assert shell.run("card", "--model", shell.folder).code == 22
