"""A training run from start weights to a calibrated, exported artefact, top to bottom."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import structlog
import torch
from numpy.typing import NDArray

from model.classifier import FractureClassifier
from model.datasets.fracatlas import read_labels
from model.datasets.images import ImageSet, load_images
from model.datasets.labelled import LabelledImage, of_split
from model.datasets.splits import fold_numbers, hold_out_groups
from model.evaluation.measure import measure
from model.evaluation.measured import Measured
from model.networks.build import Network
from model.networks.localising import LocalisingNetwork
from model.training.fitting import Fit, fit_network
from model.training.late_heads import describe, fit_strangeness, strangeness_of
from model.training.recipes import Recipe
from model.training.ship import (
    Draft,
    calibrate,
    draft,
    record_cross_validation,
    record_validation,
)

log = structlog.get_logger(__name__)

COVERED_SHARE = 0.998


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


@dataclass(frozen=True, slots=True)
class Judgement:
    """Images judged by a network that never saw their group."""

    rows: list[Measured]
    folds: NDArray[np.intp]  # [n]: which network judged
    strangeness: NDArray[np.float32]  # [n], or empty


def train(run: TrainingRun) -> Path:
    """The whole run; returns the folder of the artefact."""
    images = read_labels(run.data)
    if run.recipe.cross_validation_folds > 1:
        return _train_on_all(run, [image for image in images if image.split != "test"])
    fit, calibration = part_images(run.recipe, of_split(images, "train"))
    loaded = load(run, calibration)
    network = fit_one(run, "final", load(run, fit), loaded)
    limit = strangeness_limit(_strangeness(network, loaded))
    folder = draft(network, Draft(run.recipe, run.version, run.out, _training(run), limit))
    judged = measure(FractureClassifier.load(folder, "cpu"), calibration)
    calibrate(folder, judged, f"{len(judged)} images of train groups that fitted no weight")
    validation = of_split(images, "val")
    if validation:
        record_validation(folder, validation, f"{_EVALUATE} --split val")
    return folder


_EVALUATE = "osteon evaluate --model FOLDER --data FOLDER"


def part_images(
    recipe: Recipe, images: Sequence[LabelledImage]
) -> tuple[list[LabelledImage], list[LabelledImage]]:
    """Those that fit the weights, and those, of other groups, that fit the calibration."""
    return hold_out_groups(images, recipe.calibration_share, recipe.seed)


def _train_on_all(run: TrainingRun, images: list[LabelledImage]) -> Path:
    """Every image fits the weights; each is also judged by a network that never saw its group."""
    loaded = load(run, images)
    judgement = cross_validate(run, images, loaded)
    network = fit_one(run, "final", loaded, None)
    limit = strangeness_limit(judgement.strangeness)
    folder = draft(network, Draft(run.recipe, run.version, run.out, _training(run), limit))
    count = f"{len(images)} images, each judged by a network that never saw its group"
    calibrate(folder, judgement.rows, count)
    command = f"osteon train --data FOLDER --recipe {run.recipe.name} --out FOLDER"
    record_cross_validation(folder, judgement.rows, judgement.folds, command)
    return folder


def cross_validate(
    run: TrainingRun, images: Sequence[LabelledImage], loaded: ImageSet
) -> Judgement:
    """One network a fold, each measured on its fold as it would serve."""
    folds = fold_numbers(images, run.recipe.cross_validation_folds, run.recipe.seed)
    parts = [_judge_fold(run, images, loaded, folds, fold) for fold in range(folds.max() + 1)]
    return Judgement(
        rows=[row for part in parts for row in part.rows],
        folds=np.concatenate([part.folds for part in parts]),
        strangeness=np.concatenate([part.strangeness for part in parts]),
    )


def _judge_fold(
    run: TrainingRun,
    images: Sequence[LabelledImage],
    loaded: ImageSet,
    folds: NDArray[np.intp],
    fold: int,
) -> Judgement:
    network = fit_one(run, f"fold-{fold}", loaded.rows(np.flatnonzero(folds != fold)), None)
    # Without a limit: every image is judged, and the limit is chosen by what is seen here.
    folder = draft(network, Draft(run.recipe, f"0.0.{fold}", run.out / "folds"))
    unseen = np.flatnonzero(folds == fold)
    rows = measure(FractureClassifier.load(folder, "cpu"), [images[row] for row in unseen.tolist()])
    log.info("fold_done", fold=fold, images=len(rows))
    return Judgement(rows, folds[unseen], _strangeness(network, loaded.rows(unseen)))


def load(run: TrainingRun, images: Sequence[LabelledImage]) -> ImageSet:
    """At the recipe's size, its types numbered."""
    return load_images(images, run.recipe.side, run.recipe.network.types)


def fit_one(run: TrainingRun, name: str, images: ImageSet, held_out: ImageSet | None) -> Network:
    """One network from start to end, its late heads too."""
    fit = Fit(
        name=name,
        recipe=run.recipe,
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


def _strangeness(network: Network, images: ImageSet) -> NDArray[np.float32]:
    if isinstance(network, LocalisingNetwork) and network.strangeness_head is not None:
        return strangeness_of(network, describe(network, images).pooled)
    return np.empty(0, np.float32)


def strangeness_limit(seen: NDArray[np.float32]) -> float | None:
    """Beyond what nearly all radiographs of groups it never saw reach."""
    if not seen.size:
        return None
    return round(float(np.quantile(seen, COVERED_SHARE)), 4)


def _training(run: TrainingRun) -> str:
    return f"{run.device}, torch {torch.__version__}, {os.cpu_count()} CPU cores"
