"""A data set without a part to validate on has groups held out for it; its test part stays."""

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from model.artefact import load_artefact
from model.card import NetworkSpec
from model.datasets.labelled import FRACTURE_TYPES, of_split
from model.training.material import NothingToLearn, part_images, read_apart
from model.training.recipes import RECIPES
from model.training.run import TrainingRun
from model.training.train import train
from phantom.radiograph import PhantomSpec
from tests.model.datasets.conftest import phantom_pixels

_FRACTURES = replace(RECIPES["cnn-224"], side=64, batch=8, epochs=1)
_TYPES = replace(
    _FRACTURES,
    network=NetworkSpec(kind="plain", trunk="small_cnn", fracture=False, types=FRACTURE_TYPES),
    patience_epochs=1,
)
TYPE_FOLDERS = ("Spiral fracture", "Greenstick fracture")
TRAINED, TESTED = 28, 8


def _draw(folder: Path, number: int, fractured: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    spec = PhantomSpec(number, "hand", "ap", fractured, rows=96, columns=80)
    Image.fromarray(phantom_pixels(spec)).save(folder / f"{number}.png")


def _as_bone_break_is_published(root: Path, trained: int = TRAINED) -> Path:
    """A folder for each type, Train and Test in it."""
    for number in range(trained + TESTED):
        part = "Train" if number < trained else "Test"
        _draw(root / TYPE_FOLDERS[number % 2] / part, number, True)
    return root


def _in_parts(root: Path, *parts: str) -> Path:
    """Every second is fractured; the first part gets most."""
    for number in range(TRAINED + TESTED):
        part = parts[0] if number < TRAINED else parts[number % (len(parts) - 1) + 1]
        fractured = number % 4 > 1
        _draw(root / part / ("fractured" if fractured else "not fractured"), number, fractured)
    return root


def _run(tmp_path: Path, data: Path, types: bool = False) -> TrainingRun:
    return TrainingRun(data, None, _TYPES if types else _FRACTURES, tmp_path / "out", "0.0.2")


@pytest.mark.soak
def test_a_network_of_types_is_measured_where_the_data_name_train_and_test_alone(
    tmp_path: Path,
) -> None:
    run = _run(tmp_path, _as_bone_break_is_published(tmp_path / "data"), types=True)
    card = load_artefact(train(run)).card
    assert card.type_validation is not None
    assert 0 < card.type_validation.images < TRAINED / 4


@pytest.mark.parametrize("types", [pytest.param(True, marks=pytest.mark.soak), False])
def test_groups_are_held_out_of_the_train_part_and_the_test_part_stays(
    types: bool, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    run = _run(
        tmp_path,
        _as_bone_break_is_published(data) if types else _in_parts(data, "train", "test"),
        types,
    )
    images = read_apart(run)
    parts = part_images(run, images)
    each = (parts.fit, parts.calibration, parts.validation)
    assert all(each)
    groups = [{image.group for image in part} for part in each]
    assert sum(map(len, groups)) == len(set.union(*groups))
    assert {image.split for part in each for image in part} == {"train"}
    assert sum(map(len, each)) == len(of_split(images, "train"))


@pytest.mark.soak
def test_fractures_are_measured_too_and_the_card_says_on_what(tmp_path: Path) -> None:
    run = _run(tmp_path, _in_parts(tmp_path / "data", "train", "test"))
    held_out = load_artefact(train(run)).card.validation
    assert held_out is not None
    assert 0 < held_out.fractured < held_out.images < TRAINED / 4
    assert "--split" not in held_out.command
    assert held_out.command.startswith("osteon train --recipe cnn-224 --epochs 1 --data FOLDER")
    assert "groups held out of the fit" in held_out.command


@pytest.mark.soak
def test_where_the_data_have_a_part_for_it_the_card_names_that_part(tmp_path: Path) -> None:
    run = _run(tmp_path, _in_parts(tmp_path / "data", "train", "val", "test"))
    told = load_artefact(train(run)).card.validation
    assert told is not None
    assert told.images == TESTED / 2
    assert told.command == "osteon evaluate --model FOLDER --data FOLDER --split val"


def test_too_few_groups_of_types_are_refused_before_any_fit(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for number in range(TRAINED):  # two pictures, and copies of them
        _draw(data / TYPE_FOLDERS[number % 2] / "Train", number % 2, True)
        picture = data / TYPE_FOLDERS[number % 2] / "Train" / f"{number % 2}.png"
        picture.rename(picture.with_name(f"{number % 2}-rotated{number}.png"))
    run = _run(tmp_path, data, types=True)
    with pytest.raises(NothingToLearn, match="too few groups"):
        train(run)
    assert not run.out.exists()
