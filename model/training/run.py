"""What a training run is asked to do, and one network of it from start to end."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from model.card import NetworkSpec
from model.datasets.images import ImageSet, load_images
from model.datasets.labelled import LabelledImage
from model.datasets.reading import recognise
from model.networks.build import Network
from model.training.checkpoint import fitting_seconds
from model.training.fitting import Fit, fit_network
from model.training.provenance import Origins
from model.training.recipes import RECIPES, Recipe


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """What to train on, from what, how, and where the results go."""

    data: Path
    start_weights: Path | None  # none for a recipe that starts from nothing
    recipe: Recipe
    out: Path
    version: str
    resume: bool = False
    device: str = "cpu"
    type_data: Path | None = None  # images of known fracture types, for the type head


def load(run: TrainingRun, images: Sequence[LabelledImage]) -> ImageSet:
    """At the recipe's size, its types numbered."""
    return load_images(images, run.recipe.side, run.recipe.network.types)


def fitted_spec(recipe: Recipe) -> NetworkSpec:
    """What the epochs teach: a localising network's type and strangeness heads come later."""
    late = recipe.network.kind == "localising"
    taught_late: dict[str, object] = {"types": (), "strangeness_directions": 0}
    return recipe.network.model_copy(update=taught_late) if late else recipe.network


def fit_one(run: TrainingRun, name: str, images: ImageSet, held_out: ImageSet | None) -> Network:
    """One network with all that epochs teach; its checkpoint bears the name."""
    fit = Fit(
        name=name,
        recipe=replace(run.recipe, network=fitted_spec(run.recipe)),
        images=images,
        held_out=held_out,
        folder=run.out,
        start_weights=run.start_weights,
        device=run.device,
        resume=run.resume,
    )
    return fit_network(fit)


def origins(run: TrainingRun) -> Origins:
    """Whose data they are, for the card."""
    types = None if run.type_data is None else recognise(run.type_data).name
    return Origins(recognise(run.data).name, types)


def command_of(run: TrainingRun) -> str:
    """What is typed to make the run again, its folders left open."""
    recipe, known = run.recipe, RECIPES.get(run.recipe.name)
    given = {
        "--type-data": run.type_data is not None,
        "--start-weights": run.start_weights is not None,
    }
    folders = ["--data", *(option for option, there in given.items() if there), "--out"]
    changed = known is not None and known.epochs != recipe.epochs
    epochs = f" --epochs {recipe.epochs}" if changed else ""
    return f"osteon train --recipe {recipe.name}{epochs} " + " ".join(
        f"{o} FOLDER" for o in folders
    )


def machine(run: TrainingRun) -> str:
    """Where it was trained and in how long, for the card; other runs' leftovers do not count."""
    names = [*(f"fold-{fold}" for fold in range(run.recipe.cross_validation_folds)), "final"]
    paths = [run.out / f"{name}.checkpoint" for name in names]
    checkpoints = [path for path in paths if path.exists()]
    minutes = sum(map(fitting_seconds, checkpoints)) / 60
    where = f"{run.device}, {os.cpu_count()} CPU cores, torch {torch.__version__}"
    return f"{where}; networks fitted: {len(checkpoints)}, in {minutes:.0f} min in all"
