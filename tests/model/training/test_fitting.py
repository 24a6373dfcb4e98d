"""What a fit does between its first and its last step."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import Tensor, nn

from model.card import NetworkSpec
from model.datasets.images import ImageSet, load_images
from model.datasets.labelled import FRACTURE_TYPES
from model.datasets.reading import read_data_set
from model.training.checkpoint import CheckpointUnfit, blend, fitting_seconds
from model.training.fitting import Fit, class_weights, fit_network, start_network
from model.training.progress import RunProgress
from model.training.recipes.recipe import LossWeights, Rates, Recipe, TrunkPhases
from model.training.run import TrainingRun, machine

SMALL = Recipe(
    name="tiny",
    network=NetworkSpec(kind="plain", trunk="mobilenet_v2"),
    side=32,
    epochs=1,
    batch=8,
    ema_decay=0.0,
    rates=Rates(trunk=1e-2, heads=1e-2),
)


# Of the trunk that is fitted soonest, for what does not depend on it.
SMALLEST = replace(
    SMALL,
    network=NetworkSpec(kind="plain", trunk="small_cnn"),
    phases=TrunkPhases(from_scratch=True),
)


@pytest.fixture(scope="module")
def images(phantom_folder: Path) -> ImageSet:
    """Twenty-four of them: three batches."""
    return load_images(read_data_set(phantom_folder).images[:24], SMALL.side, FRACTURE_TYPES)


def _fit(recipe: Recipe, images: ImageSet, folder: Path, weights: Path) -> dict[str, Tensor]:
    fit = Fit("final", recipe, images, None, folder, weights)
    return fit_network(fit).state_dict()


def _moved(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    return {name for name, value in before.items() if not torch.equal(value, after[name])}


def test_the_trunk_stands_still_while_the_head_learns_then_its_upper_part_moves(
    tmp_path: Path, start_weights: Path, images: ImageSet
) -> None:
    phases = TrunkPhases(head_only_epochs=1, moving_share=0.5)
    recipe = replace(SMALL, phases=phases)
    start = start_network(recipe, start_weights).state_dict()
    head_only = _moved(start, _fit(recipe, images, tmp_path / "one", start_weights))
    # The head starts at random anew, so that of it only the trunk can be compared.
    assert not {name for name in head_only if name.startswith("trunk.")}
    both = _moved(start, _fit(replace(recipe, epochs=2), images, tmp_path / "two", start_weights))
    assert {"trunk.features.18.0.weight", "trunk.features.18.1.running_mean"} <= both
    assert not {name for name in both if name.startswith(("trunk.features.0", "trunk.features.4"))}


def test_accumulated_batches_make_one_step_and_an_epoch_leaves_none_over(
    tmp_path: Path, start_weights: Path, images: ImageSet
) -> None:
    recipe = replace(SMALLEST, epochs=2, accumulated_batches=2)
    _fit(recipe, images, tmp_path, start_weights)
    saved = torch.load(tmp_path / "final.checkpoint", weights_only=True)
    # Three batches an epoch: two together, one alone.
    assert {int(state["step"]) for state in saved["optimizer"]["state"].values()} == {4}
    assert saved["schedule"]["last_epoch"] == saved["schedule"]["total_steps"] == 4


def test_a_step_of_fewer_batches_weighs_each_of_them_more(
    tmp_path: Path, start_weights: Path, images: ImageSet
) -> None:
    three, five = (replace(SMALLEST, epochs=2, accumulated_batches=count) for count in (3, 5))
    whole = _fit(three, images, tmp_path / "three", start_weights)
    # There are only three batches in an epoch.
    assert not _moved(whole, _fit(five, images, tmp_path / "five", start_weights))


def test_the_time_of_the_epochs_is_kept_and_told_in_the_card(
    tmp_path: Path, phantom_folder: Path, start_weights: Path, images: ImageSet
) -> None:
    _fit(SMALLEST, images, tmp_path, start_weights)
    seconds = fitting_seconds(tmp_path / "final.checkpoint")
    assert 0 < seconds < 120
    saved = torch.load(tmp_path / "final.checkpoint", weights_only=True)
    torch.save(saved | {"seconds": 90 * 60.0}, tmp_path / "fold-0.checkpoint")
    (tmp_path / "fold-9.checkpoint").write_bytes(b"of another run")
    in_folds = replace(SMALLEST, cross_validation_folds=2)
    told = machine(TrainingRun(phantom_folder, start_weights, in_folds, tmp_path, "0.0.2"))
    assert told.endswith(f"networks fitted: 2, in {90 + seconds / 60:.0f} min in all")


def test_another_seed_gives_another_network(
    tmp_path: Path, start_weights: Path, images: ImageSet
) -> None:
    first = _fit(SMALLEST, images, tmp_path / "a", start_weights)
    again = _fit(SMALLEST, images, tmp_path / "b", start_weights)
    other = _fit(replace(SMALLEST, seed=1), images, tmp_path / "c", start_weights)
    assert not _moved(first, again)
    assert _moved(first, other)


def test_a_checkpoint_of_another_recipe_or_of_other_images_is_refused(
    tmp_path: Path, start_weights: Path, images: ImageSet
) -> None:
    fit = Fit("final", SMALLEST, images, None, tmp_path, start_weights, resume=True)
    ended = fit_network(fit).state_dict()
    with pytest.raises(CheckpointUnfit, match=r"final\.checkpoint"):
        fit_network(replace(fit, recipe=replace(SMALLEST, epochs=2)))
    with pytest.raises(CheckpointUnfit):
        fit_network(replace(fit, images=replace(images, images=images.images[::-1].copy())))
    assert not _moved(ended, fit_network(fit).state_dict())


def test_the_average_follows_the_network_slowly_and_copies_counters() -> None:
    average, network = nn.BatchNorm1d(2), nn.BatchNorm1d(2)
    nn.init.constant_(network.weight, 2.0)
    assert network.num_batches_tracked is not None
    network.num_batches_tracked += 7
    blend(average, network, decay=0.75)
    assert average.weight.tolist() == [1.25, 1.25]
    blend(average, network, decay=0.75)
    assert average.weight.tolist() == [1.4375, 1.4375]
    assert average.num_batches_tracked == 7
    assert network.weight.tolist() == [2.0, 2.0]


def test_labels_weigh_as_much_as_they_are_rare(images: ImageSet) -> None:
    rare = replace(
        images,
        fractured=np.array([1, 0, 0, 0], np.float32),
        types=np.array([0, 1, 1, -1], np.int64),
    )
    network = SMALL.network.model_copy(update={"types": FRACTURE_TYPES[:2]})
    even = class_weights(replace(SMALL, network=network), rare)
    assert (even.fractured, even.types) == (1.0, None)
    weighted = LossWeights(class_weighted=True)
    weights = class_weights(replace(SMALL, network=network, losses=weighted), rare)
    assert weights.fractured == 3.0
    assert weights.types is not None
    assert weights.types.tolist() == [1.5, 0.75]


def test_tensorboard_is_told_every_epochs_losses(
    tmp_path: Path, start_weights: Path, images: ImageSet
) -> None:
    recipe = replace(SMALLEST, epochs=2, patience_epochs=5)
    fit_network(Fit("final", recipe, images, images, tmp_path, start_weights))
    events = EventAccumulator(str(tmp_path / "tensorboard" / "final")).Reload()
    for name in ("loss/training", "loss/held_out"):
        told = events.Scalars(name)
        assert [one.step for one in told] == [1, 2]
        assert all(math.isfinite(one.value) and one.value > 0 for one in told)


@pytest.mark.parametrize("watched", [True, False])
def test_a_bar_is_drawn_where_a_person_watches(
    watched: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", "1" if watched else "0")
    with RunProgress(tmp_path, "final") as progress:
        mean = progress.epoch(3, 2, iter([1.0, 2.0]))
    assert mean == 1.5
    assert ("final epoch 3" in capsys.readouterr().err) is watched
