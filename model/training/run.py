"""What a training run is asked to do, and one network of it from start to end."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from model.card import NetworkSpec
from model.datasets.images import ImageSet, load_images
from model.datasets.labelled import LabelledImage
from model.networks.build import Network
from model.networks.localising import LocalisingNetwork
from model.training.fitting import Fit, fit_network
from model.training.late_heads import describe, fit_strangeness, strangeness_of
from model.training.recipes import Recipe


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """What to train on, from what, how, and where the results go."""

    data: Path
    start_weights: Path
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
    """What the epochs teach: a localising network's type head comes when it stands."""
    late = recipe.network.kind == "localising"
    return recipe.network.model_copy(update={"types": ()}) if late else recipe.network


def fit_one(run: TrainingRun, name: str, images: ImageSet, held_out: ImageSet | None) -> Network:
    """One network with all but its type head; its checkpoint bears the name."""
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
    network = fit_network(fit)
    if isinstance(network, LocalisingNetwork) and network.strangeness_head is not None:
        fit_strangeness(network, describe(network, images).pooled)
    return network


def strangeness(network: Network, images: ImageSet) -> NDArray[np.float32]:
    """Of each image, [n]; empty where the network does not tell."""
    if isinstance(network, LocalisingNetwork) and network.strangeness_head is not None:
        return strangeness_of(network, describe(network, images).pooled)
    return np.empty(0, np.float32)


def machine(run: TrainingRun) -> str:
    """Where it was trained, for the card."""
    return f"{run.device}, {os.cpu_count()} CPU cores, torch {torch.__version__}"
