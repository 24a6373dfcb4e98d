"""A run trains, and a run cut short goes on to the same end."""

import copy
import csv
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from sklearn.metrics import roc_auc_score

from model.artefact import load_artefact
from model.card import Card
from model.classifier import FractureClassifier
from model.datasets.labelled import of_split
from model.datasets.reading import read_data_set
from model.networks.trunks import StartWeightsMissing, StartWeightsUnfit
from model.radiograph import read_picture
from model.training.checkpoint import FitState, save_checkpoint
from model.training.fitting import StartWeightsUntold
from model.training.material import part_images, read_apart
from model.training.recipes import Recipe
from model.training.run import TrainingRun, fit_one, load
from model.training.train import train


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def _run(out: Path, folder: Path, weights: Path, recipe: Recipe) -> TrainingRun:
    return TrainingRun(folder, weights, recipe, out, version="0.0.2")


def _fit(run: TrainingRun) -> dict[str, torch.Tensor]:
    images = load(run, of_split(read_data_set(run.data).images, "train"))
    return fit_one(run, "final", images, None).state_dict()


@pytest.mark.soak
def test_a_run_that_was_cut_short_ends_like_one_that_was_not(
    tmp_path: Path,
    phantom_folder: Path,
    start_weights: Path,
    small_recipe: Recipe,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = _fit(_run(tmp_path / "whole", phantom_folder, start_weights, small_recipe))
    cut_run = _run(tmp_path / "cut", phantom_folder, start_weights, small_recipe)
    with monkeypatch.context() as patch:
        patch.setattr("model.training.fitting.save_checkpoint", _save_then_die)
        with pytest.raises(KeyboardInterrupt):
            _fit(cut_run)
    resumed = _fit(replace(cut_run, resume=True))
    assert _alike(whole, resumed)


def _save_then_die(state: FitState, path: Path) -> None:
    save_checkpoint(state, path)
    raise KeyboardInterrupt


def test_a_run_ends_in_a_working_artefact(
    tmp_path: Path, phantom_folder: Path, start_weights: Path, small_recipe: Recipe
) -> None:
    folder = train(_run(tmp_path, phantom_folder, start_weights, small_recipe))
    assert folder.name == "osteon-0.0.2"
    card = load_artefact(folder).card
    assert card.recipe["name"] == "small"
    assert "fitted no weight" in card.calibration.fitted_on
    assert card.validation is not None
    assert card.coverage is not None
    image = of_split(read_data_set(phantom_folder).images, "val")[0]
    (prediction,) = FractureClassifier.load(folder, "cpu").predict([read_picture(image.path)])
    assert prediction.probability is None or 0 <= prediction.probability <= 1
    assert any((tmp_path / "tensorboard" / "final").iterdir())


@pytest.mark.soak
def test_cross_validation_judges_each_image_once_by_a_network_that_never_saw_its_group(
    tmp_path: Path, phantom_folder: Path, start_weights: Path, small_recipe: Recipe
) -> None:
    recipe = replace(small_recipe, epochs=1, cross_validation_folds=2)
    folder = train(_run(tmp_path, phantom_folder, start_weights, recipe))
    card = load_artefact(folder).card
    assert card.validation is None
    assert card.cross_validation is not None
    assert card.cross_validation.images == len(read_data_set(phantom_folder).images)
    assert {path.name for path in tmp_path.glob("*.checkpoint")} == {
        "fold-0.checkpoint",
        "fold-1.checkpoint",
        "final.checkpoint",
    }
    _evidence_bears_the_card_out(tmp_path / "cross-validation", card)


def _evidence_bears_the_card_out(folder: Path, card: Card) -> None:
    """The rows that are left behind give the card's figures again; no radiograph is shown."""
    with (folder / "images.csv").open() as table:
        rows = list(csv.DictReader(table))
    assert card.cross_validation is not None
    assert card.cross_validation.auroc is not None
    assert len(rows) == len({row["file"] for row in rows}) == card.cross_validation.images
    assert len({(row["group"], row["fold"]) for row in rows}) == len({row["group"] for row in rows})
    judged = [row for row in rows if row["probability"]]
    labels, said = ([float(row[name]) for row in judged] for name in ("fractured", "probability"))
    assert roc_auc_score(labels, said) == pytest.approx(card.cross_validation.auroc.value, abs=1e-3)
    assert "<img" not in (folder / "report.html").read_text()


@dataclass
class _Epoch:
    lowest_loss: float
    average: dict[str, torch.Tensor]


def _impatient_run(out: Path, folder: Path, weights: Path, recipe: Recipe) -> TrainingRun:
    # At such a rate the held-out loss soon rises.
    wild = replace(recipe.rates, trunk=3.0, heads=30.0)
    changes = replace(recipe, epochs=40, patience_epochs=2, rates=wild, ema_decay=0.0)
    return _run(out, folder, weights, changes)


def _fit_patiently(run: TrainingRun) -> dict[str, torch.Tensor]:
    images = load(run, of_split(read_data_set(run.data).images, "train"))
    return fit_one(run, "final", images, images).state_dict()


@pytest.mark.soak
def test_patience_ends_a_run_whose_held_out_loss_rises_and_keeps_its_best_epoch(
    tmp_path: Path,
    phantom_folder: Path,
    start_weights: Path,
    small_recipe: Recipe,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    epochs: list[_Epoch] = []

    def save_and_note(state: FitState, path: Path) -> None:
        save_checkpoint(state, path)
        epochs.append(_Epoch(state.lowest_loss, copy.deepcopy(state.average.state_dict())))

    monkeypatch.setattr("model.training.fitting.save_checkpoint", save_and_note)
    run = _impatient_run(tmp_path, phantom_folder, start_weights, small_recipe)
    ended = _fit_patiently(run)
    assert len(epochs) < 40
    best, *later = epochs[-3:]
    assert [epoch.lowest_loss for epoch in later] == [best.lowest_loss] * 2
    assert _alike(ended, best.average)
    assert not _alike(ended, epochs[-1].average)
    assert _alike(_fit_patiently(replace(run, resume=True)), best.average)


@pytest.mark.soak
def test_a_run_that_was_cut_short_after_its_best_epoch_still_ends_in_it(
    tmp_path: Path,
    phantom_folder: Path,
    start_weights: Path,
    small_recipe: Recipe,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    places = (phantom_folder, start_weights, small_recipe)
    whole = _fit_patiently(_impatient_run(tmp_path / "whole", *places))
    cut_run = _impatient_run(tmp_path / "cut", *places)
    with monkeypatch.context() as patch:
        patch.setattr("model.training.fitting.save_checkpoint", _save_then_die_past_the_best)
        with pytest.raises(KeyboardInterrupt):
            _fit_patiently(cut_run)
    assert _alike(whole, _fit_patiently(replace(cut_run, resume=True)))


def _save_then_die_past_the_best(state: FitState, path: Path) -> None:
    save_checkpoint(state, path)
    if state.epochs_without_gain == 1:
        raise KeyboardInterrupt


def _alike(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(value, second[name]) for name, value in first.items())


def test_a_copy_of_what_is_measured_on_is_not_trained_on(
    tmp_path: Path, phantom_folder: Path, start_weights: Path, small_recipe: Recipe
) -> None:
    data = tmp_path / "data"
    shutil.copytree(phantom_folder, data)
    (data / "images" / "copy.png").write_bytes((data / "images" / "035.png").read_bytes())
    with (data / "labels.csv").open("a") as table:
        table.write("copy.png,train,77,1,1,0,0,0,0,0,1,0,0,0\n")
    run = _run(tmp_path, data, start_weights, small_recipe)
    parts = part_images(run, read_apart(run))
    assert "035.png" in {image.path.name for image in parts.validation}
    assert "copy.png" not in {image.path.name for image in parts.fit + parts.calibration}
    in_folds = replace(run, recipe=replace(small_recipe, cross_validation_folds=2))
    group_of = {image.path.name: image.group for image in read_apart(in_folds)}
    assert group_of["copy.png"] == group_of["035.png"]


def test_unfit_start_weights_are_refused_before_anything_is_read(
    tmp_path: Path, small_recipe: Recipe
) -> None:
    with pytest.raises(StartWeightsMissing, match="mobilenet_v2_imagenet"):
        train(_run(tmp_path, tmp_path / "nowhere", tmp_path, small_recipe))
    with pytest.raises(StartWeightsUntold, match="--start-weights"):
        train(TrainingRun(tmp_path / "nowhere", None, small_recipe, tmp_path, "0.0.2"))


def test_weights_of_another_trunk_are_refused(
    tmp_path: Path, phantom_folder: Path, start_weights: Path, small_recipe: Recipe
) -> None:
    strange = tmp_path / "strange"
    strange.mkdir()
    source = start_weights / "mobilenet_v2_imagenet.safetensors"
    (strange / "resnet18_imagenet_partial.safetensors").write_bytes(source.read_bytes())
    resnet = small_recipe.network.model_copy(update={"trunk": "resnet18"})
    with pytest.raises(StartWeightsUnfit, match="resnet18"):
        _fit(_run(tmp_path, phantom_folder, strange, replace(small_recipe, network=resnet)))


def test_absent_start_weights_are_named(
    tmp_path: Path, phantom_folder: Path, small_recipe: Recipe
) -> None:
    with pytest.raises(StartWeightsMissing, match="mobilenet_v2_imagenet"):
        _fit(_run(tmp_path, phantom_folder, tmp_path, small_recipe))
