"""`osteon train` as a user types it."""

from pathlib import Path

import pytest

from model.training.recipes import RECIPES
from tests.cli.shell import Shell


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.mark.soak
def test_train_refuses_what_it_cannot_train(shell: Shell, phantom_folder: Path) -> None:
    unknown = shell.run("train", "--data", phantom_folder, *_places(), "--recipe", "nosuch")
    assert unknown.code == 1
    assert all(name in unknown.stderr for name in RECIPES)
    untyped = shell.run_anew("train", "--data", phantom_folder, *_places())
    assert untyped.code == 1
    assert "--type-data" in untyped.stderr
    absent = shell.run("train", "--data", "nowhere", *_places(), "--recipe", "cnn-224")
    assert absent.code == 20
    assert "there is no nowhere" in absent.stderr


def _places() -> tuple[str, ...]:
    return ("--start-weights", "weights", "--out", "out")
