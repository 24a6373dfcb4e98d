"""Every recipe trains: a real epoch of each, at a size that a test can afford."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torchvision.models import get_model

from model.artefact import load_artefact
from model.classifier import FractureClassifier
from model.datasets.labelled import FRACTURE_TYPES
from model.datasets.reading import read_data_set
from model.networks.trunks import pretraining
from model.radiograph import read_picture
from model.training.material import NothingToLearn
from model.training.recipes import RECIPES, Recipe
from model.training.run import TrainingRun, fit_one, load
from model.training.train import train
from tests.cli.shell import Shell

# Of the one half a gigabyte of weights, and four times as much to fit them; the other is slow.
_HEAVY = {"vgg16", "types-resnet50", "densenet121"}
_NAMES = [
    *(pytest.param(name, marks=pytest.mark.soak) for name in sorted(_HEAVY)),
    *sorted(set(RECIPES) - _HEAVY),
]


def _start_weights(folder: Path, trunk: str) -> Path:
    """A file as ImageNet's is called, of random weights."""
    weights = get_model(trunk, weights=None).state_dict()
    names = pretraining(trunk).files
    save_file(weights, folder / next(name for name in names if name.endswith(".safetensors")))
    return folder


def _small(recipe: Recipe) -> Recipe:
    """One epoch in each phase, and few phantoms beside the images."""
    phases = replace(recipe.phases, head_only_epochs=min(recipe.phases.head_only_epochs, 1))
    practice = recipe.practice and replace(recipe.practice, phantoms=2)
    epochs = 1 + phases.head_only_epochs
    return replace(recipe, side=64, batch=8, epochs=epochs, phases=phases, practice=practice)


@pytest.mark.parametrize("name", _NAMES)
def test_every_recipe_fits_a_network(name: str, tmp_path: Path, phantom_folder: Path) -> None:
    recipe = _small(RECIPES[name])
    weights = None
    if not recipe.phases.from_scratch:
        weights = _start_weights(tmp_path, recipe.network.trunk)
    run = TrainingRun(phantom_folder, weights, recipe, tmp_path / "out", version="0.0.2")
    typed = [
        replace(one, fracture_type=FRACTURE_TYPES[0])
        for one in read_data_set(phantom_folder).images
    ]
    images = load(run, typed[:16])
    network = fit_one(run, "final", images, images)
    (run.out / "final.checkpoint").unlink()  # pytest would keep gigabytes
    with torch.inference_mode():
        answer = network(torch.from_numpy(images.images[:2, None] / 255).float())
    late = {"types", "strangeness"} if recipe.network.kind == "localising" else set()
    assert set(answer) == set(recipe.network.outputs) - late
    assert all(bool(values.isfinite().all()) for values in answer.values())


@pytest.mark.soak
def test_the_command_trains_from_nothing_and_goes_on_where_it_ended(
    tmp_path: Path, phantom_folder: Path
) -> None:
    shell = Shell(tmp_path)
    command = ("train", "--data", phantom_folder, "--recipe", "cnn-224", "--out", "out")
    ended = shell.run(*command, "--epochs", 1, "--version", "0.0.3")
    assert ended.code == 0, ended.stderr
    folder = tmp_path / ended.stdout.strip()
    card = load_artefact(folder).card
    assert (card.version, card.network.trunk, card.recipe["epochs"]) == ("0.0.3", "small_cnn", 1)
    weights, checkpoint = folder / "weights.safetensors", tmp_path / "out/final.checkpoint"
    before = weights.read_bytes(), checkpoint.stat().st_mtime_ns
    again = shell.run(*command, "--epochs", 1, "--version", "0.0.3", "--resume")
    assert again.code == 0, again.stderr
    assert (weights.read_bytes(), checkpoint.stat().st_mtime_ns) == before
    longer = shell.run(*command, "--epochs", 2, "--resume")
    assert longer.code == 1
    assert "final.checkpoint is of another recipe" in longer.stderr


@pytest.mark.soak
def test_a_network_of_types_alone_is_measured_on_groups_that_it_never_saw(
    tmp_path: Path, phantom_folder: Path
) -> None:
    recipe = _small(RECIPES["types-resnet50"])
    small = recipe.network.model_copy(update={"trunk": "resnet18", "types": FRACTURE_TYPES[:2]})
    data = _typed_folder(tmp_path / "typed", phantom_folder)
    weights = _start_weights(tmp_path, "resnet18")
    run = TrainingRun(data, weights, replace(recipe, network=small), tmp_path / "out", "0.0.2")
    folder = train(run)
    card = load_artefact(folder).card
    assert card.type_validation is not None
    assert 0 < card.type_validation.images < 20
    picture = read_picture(next((data / "images").iterdir()))
    (prediction,) = FractureClassifier.load(folder, "cpu").predict([picture])
    assert prediction.probability is None


def test_data_that_do_not_tell_what_a_recipe_learns_are_refused(
    tmp_path: Path, phantom_folder: Path
) -> None:
    recipe = _small(RECIPES["cnn-224"])
    fractured = _typed_folder(tmp_path / "typed", phantom_folder)
    with pytest.raises(NothingToLearn, match="one kind"):
        train(TrainingRun(fractured, None, recipe, tmp_path / "out", "0.0.2"))
    spec = recipe.network.model_copy(update={"fracture": False, "types": FRACTURE_TYPES[1:]})
    other = TrainingRun(fractured, None, replace(recipe, network=spec), tmp_path / "out", "0.0.2")
    with pytest.raises(NothingToLearn, match="two of its fracture types"):
        train(other)
    with pytest.raises(NothingToLearn, match="two of its fracture types"):
        train(replace(other, data=phantom_folder))


def _typed_folder(folder: Path, phantoms: Path) -> Path:
    """The phantoms as Bone Break is kept: two types, every image a group of its own."""
    (folder / "images").mkdir(parents=True)
    with (folder / "labels.csv").open("w", newline="") as table:
        rows = csv.writer(table)
        rows.writerow(["image_id", "fracture_type", "dup_group"])
        for number, image in enumerate(read_data_set(phantoms).images):
            (folder / "images" / image.path.name).write_bytes(image.path.read_bytes())
            rows.writerow([image.path.name, FRACTURE_TYPES[number % 2], number])
    return folder
