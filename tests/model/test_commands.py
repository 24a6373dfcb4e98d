"""`osteon train` and `osteon evaluate` as a user types them."""

import json
from pathlib import Path

import pytest

from model.training.recipes import RECIPES
from tests.cli.shell import Shell


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_evaluate_prints_the_figures_of_a_card(shell: Shell, phantom_folder: Path) -> None:
    outcome = shell.run("evaluate", "--data", phantom_folder)
    assert outcome.code == 0, outcome.stderr
    figures = json.loads(outcome.stdout)
    assert (figures["images"], figures["fractured"]) == (10, 5)
    assert 0 <= figures["auroc"]["low"] <= figures["auroc"]["value"] <= 1
    assert "osteon evaluate" in figures["command"]


def test_evaluate_on_what_is_not_there(shell: Shell, phantom_folder: Path) -> None:
    outcome = shell.run("evaluate", "--data", "nowhere")
    assert outcome.code == 20
    assert "there is no nowhere" in outcome.stderr
    assert shell.run("evaluate", "--data", phantom_folder, "--split", "test").code == 21


def test_train_refuses_what_it_cannot_train(shell: Shell, phantom_folder: Path) -> None:
    unknown = shell.run("train", "--data", phantom_folder, *_places(), "--recipe", "nosuch")
    assert unknown.code == 1
    assert all(name in unknown.stderr for name in RECIPES)
    absent = shell.run("train", "--data", "nowhere", *_places())
    assert absent.code == 20
    assert "there is no nowhere" in absent.stderr


def _places() -> tuple[str, ...]:
    return ("--start-weights", "weights", "--out", "out")
