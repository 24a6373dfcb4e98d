"""A training run from start weights to a calibrated, exported artefact, top to bottom."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.classifier import FractureClassifier
from model.datasets.duplicates import find_duplicates, join_duplicates
from model.datasets.labelled import LabelledImage, of_split
from model.datasets.reading import read_data_set
from model.datasets.splits import hold_out_groups
from model.evaluation.measure import measure
from model.networks.build import Network
from model.networks.localising import LocalisingNetwork
from model.training.cross_validation import cross_validate
from model.training.run import TrainingRun, fit_one, fitted_spec, load, machine, strangeness
from model.training.ship import (
    Draft,
    calibrate,
    draft,
    record_cross_validation,
    record_validation,
)
from model.training.type_head import add_type_head, judge_types

# Of the radiographs that a network was made for, one in 500 may be called strange; of another
# source's, which are stranger and still radiographs of limbs, one in 100.
COVERED_SHARE, COVERED_SHARE_ELSEWHERE = 0.998, 0.99
_UNSPLIT_VALIDATION_SHARE = 0.15


class TypeDataMissing(ValueError):
    """The recipe tells fracture types, and no images of known types were given."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Which images do what; no group is in two of them."""

    fit: list[LabelledImage]
    calibration: list[LabelledImage]  # set the operating points, or the time to stop
    validation: list[LabelledImage]  # are only measured


def train(run: TrainingRun) -> Path:
    """The whole run; returns the folder of the artefact."""
    _check(run)
    images = _read(run.data)
    if not run.recipe.network.fracture:
        return _train_types(run, images)
    if run.recipe.cross_validation_folds > 1:
        return _train_on_all(run, [image for image in images if image.split != "test"])
    return _train_on_part(run, part_images(run, images))


def _check(run: TrainingRun) -> None:
    """Hours before it would be missed."""
    if fitted_spec(run.recipe) != run.recipe.network and run.type_data is None:
        raise TypeDataMissing(f"{run.recipe.name} tells fracture types: it needs --type-data")


def _read(folder: Path) -> list[LabelledImage]:
    """The usable images; those that are the same picture share a group."""
    images = read_data_set(folder).images
    return list(join_duplicates(images, find_duplicates(images)))


def part_images(run: TrainingRun, images: Sequence[LabelledImage]) -> Parts:
    """By the data set's own parts; where it has none, whole groups are held out."""
    train, validation = of_split(images, "train"), of_split(images, "val")
    if not train:
        rest = [image for image in images if image.split != "test"]
        train, validation = hold_out_groups(rest, _UNSPLIT_VALIDATION_SHARE, run.recipe.seed + 1)
    fit, calibration = hold_out_groups(train, run.recipe.calibration_share, run.recipe.seed)
    return Parts(fit, calibration, validation)


def _train_on_part(run: TrainingRun, parts: Parts) -> Path:
    """Some groups fit the weights, some the calibration, and some only measure."""
    held_out = load(run, parts.calibration)
    network = fit_one(run, "final", load(run, parts.fit), held_out)
    folder = _draft(run, network, strangeness(network, held_out))
    judged = measure(FractureClassifier.load(folder, "cpu"), parts.calibration)
    calibrate(folder, judged, f"{len(judged)} images of train groups that fitted no weight")
    if parts.validation:
        record_validation(folder, parts.validation, f"{_EVALUATE} --split val")
    return folder


_EVALUATE = "osteon evaluate --model FOLDER --data FOLDER"


def _train_on_all(run: TrainingRun, images: list[LabelledImage]) -> Path:
    """Every image fits the weights; each is also judged by a network that never saw its group."""
    loaded = load(run, images)
    judgement = cross_validate(run, images, loaded)
    network = fit_one(run, "final", loaded, None)
    folder = _draft(run, network, judgement.strangeness)
    count = f"{len(images)} images, each judged by a network that never saw its group"
    calibrate(folder, judgement.rows, count)
    command = f"osteon train --data FOLDER --recipe {run.recipe.name} --out FOLDER"
    record_cross_validation(folder, judgement.rows, judgement.folds, command)
    return folder


def _draft(run: TrainingRun, network: Network, seen: NDArray[np.float32]) -> Path:
    """The network as it ships, with its type head where it has one."""
    plan = Draft(run.recipe, run.recipe.network, run.version, run.out, machine(run))
    if run.type_data is None or not isinstance(network, LocalisingNetwork):
        return draft(network, replace(plan, strangeness_limit=strangeness_limit(seen)))
    typed = [image for image in _read(run.type_data) if image.fracture_type]
    loaded = load(run, typed)
    limit = strangeness_limit(seen, strangeness(network, loaded))
    whole, types = add_type_head(network, run.recipe.network, typed, loaded)
    return draft(whole, replace(plan, types=types, strangeness_limit=limit))


def strangeness_limit(
    seen: NDArray[np.float32], elsewhere: NDArray[np.float32] | None = None
) -> float | None:
    """Beyond what nearly all unseen radiographs reach, those of another source too."""
    if not seen.size:
        return None
    limit = float(np.quantile(seen, COVERED_SHARE))
    if elsewhere is not None:
        limit = max(limit, float(np.quantile(elsewhere, COVERED_SHARE_ELSEWHERE)))
    return round(limit, 4)


def _train_types(run: TrainingRun, images: Sequence[LabelledImage]) -> Path:
    """A network of types alone: held-out groups say when to stop, others how well it does."""
    parts = part_images(run, [image for image in images if image.fracture_type])
    network = fit_one(run, "final", load(run, parts.fit), load(run, parts.calibration))
    types = judge_types(network, run.recipe.network, parts.validation, load(run, parts.validation))
    plan = Draft(run.recipe, run.recipe.network, run.version, run.out, machine(run), types=types)
    return draft(network, plan)
