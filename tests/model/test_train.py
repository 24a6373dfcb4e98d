"""A run trains, and a run cut short goes on to the same end."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from model.artefact import load_artefact
from model.classifier import FractureClassifier
from model.network import StartWeightsUnfit
from model.radiograph import read_picture
from model.training.checkpoint import TrainingState
from model.training.recipes import RECIPES, Recipe
from model.training.train import TrainingRun, fit_network, part_images, train


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def _run(out: Path, folder: Path, weights: Path, recipe: Recipe) -> TrainingRun:
    return TrainingRun(folder, weights, recipe, out, version="0.0.2")


def test_a_run_that_was_cut_short_ends_like_one_that_was_not(
    tmp_path: Path,
    phantom_folder: Path,
    start_weights: Path,
    small_recipe: Recipe,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole_run = _run(tmp_path / "whole", phantom_folder, start_weights, small_recipe)
    whole = fit_network(whole_run, part_images(whole_run)).state_dict()
    cut_run = _run(tmp_path / "cut", phantom_folder, start_weights, small_recipe)
    with monkeypatch.context() as patch:
        patch.setattr("model.training.train.save_checkpoint", _save_then_die)
        with pytest.raises(KeyboardInterrupt):
            fit_network(cut_run, part_images(cut_run))
    resumed = fit_network(replace(cut_run, resume=True), part_images(cut_run)).state_dict()
    assert all(torch.equal(value, resumed[name]) for name, value in whole.items())


def _save_then_die(state: TrainingState, path: Path) -> None:
    from model.training.checkpoint import save_checkpoint

    save_checkpoint(state, path)
    raise KeyboardInterrupt


def test_training_lowers_the_loss_and_ends_in_a_working_artefact(
    tmp_path: Path, phantom_folder: Path, start_weights: Path, small_recipe: Recipe
) -> None:
    run = _run(tmp_path, phantom_folder, start_weights, small_recipe)
    folder = train(run)
    assert folder.name == "osteon-0.0.2"
    card = load_artefact(folder).card
    assert card.recipe["name"] == "small"
    assert "took no part in fitting the weights" in card.calibration.fitted_on
    image = part_images(run).validation[0]
    (prediction,) = FractureClassifier.load(folder, "cpu").predict([read_picture(image.path)])
    assert 0 <= prediction.probability <= 1


def test_weights_of_another_trunk_are_refused(
    tmp_path: Path, phantom_folder: Path, start_weights: Path, small_recipe: Recipe
) -> None:
    strange = tmp_path / "strange"
    strange.mkdir()
    source = start_weights / "mobilenet_v2_imagenet.safetensors"
    (strange / "resnet18_imagenet_partial.safetensors").write_bytes(source.read_bytes())
    run = _run(tmp_path, phantom_folder, strange, replace(small_recipe, trunk="resnet18"))
    with pytest.raises(StartWeightsUnfit, match="resnet18"):
        fit_network(run, part_images(run))


def test_recipes_are_found_by_their_names() -> None:
    assert all(RECIPES[name].name == name for name in RECIPES)
