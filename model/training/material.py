"""What a run learns from: read, checked for what the recipe asks, parted by groups."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from model.datasets.data_set import DataSetRefused
from model.datasets.duplicates import (
    DuplicatePair,
    find_duplicates,
    join_duplicates,
    leave_out_leaks,
)
from model.datasets.labelled import FRACTURE_TYPES, LabelledImage, of_split
from model.datasets.reading import read_data_set
from model.datasets.splits import hold_out_groups
from model.training.fitting import start_network
from model.training.recipes import Recipe
from model.training.run import TrainingRun, fitted_spec
from model.training.type_head import TYPE_FOLDS

log = structlog.get_logger(__name__)

_UNTOLD_VALIDATION_SHARE = 0.15


class TypeDataMissing(ValueError):
    """The recipe tells fracture types, and no images of known types were given."""


class NothingToLearn(DataSetRefused):
    """The data set does not tell what the recipe is to learn."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Which images do what; no group is in two of them."""

    fit: list[LabelledImage]
    calibration: list[LabelledImage]  # set the operating points, or the time to stop
    validation: list[LabelledImage]  # are only measured
    told_apart: bool  # the data set names the validation part itself


def check_start(run: TrainingRun) -> None:
    """Hours before it would be missed."""
    if run.recipe.network.types and run.recipe.network.fracture and run.type_data is None:
        raise TypeDataMissing(f"{run.recipe.name} tells fracture types: it needs --type-data")
    start_network(replace(run.recipe, network=fitted_spec(run.recipe)), run.start_weights)


def check_labels(recipe: Recipe, images: Sequence[LabelledImage]) -> None:
    if recipe.network.fracture and len({image.fractured for image in images}) < 2:
        raise NothingToLearn(f"{recipe.name} needs fractured and other images: all are of one kind")
    typed = {image.fracture_type for image in of_types(recipe, images)}
    if not recipe.network.fracture and len(typed) < 2:
        raise NothingToLearn(f"{recipe.name} needs images of two of its fracture types or more")


def check_type_data(run: TrainingRun, typed: Sequence[LabelledImage]) -> None:
    if run.type_data is None or not run.recipe.network.types:
        return
    groups = {image.group for image in typed}
    if len(groups) < TYPE_FOLDS:
        raise NothingToLearn(
            f"{run.type_data}: {len(groups)} groups of images have one of the recipe's fracture "
            f"types; {TYPE_FOLDS} are needed to find out how well they are told"
        )


def of_types(recipe: Recipe, images: Sequence[LabelledImage]) -> list[LabelledImage]:
    """Only these: a type that the network has no place for cannot be taught."""
    known = recipe.network.types or FRACTURE_TYPES
    return [image for image in images if image.fracture_type in known]


def read_apart(run: TrainingRun) -> Sequence[LabelledImage]:
    """The usable images, without copies of those that a later part measures on."""
    images, pairs = _read(run.data)
    apart = leave_out_leaks(_as_one_part(images) if in_folds(run.recipe) else images, pairs)
    log.info("read", images=len(apart.images), copies_of_measured=len(apart.dropped))
    return apart.images


def in_folds(recipe: Recipe) -> bool:
    return recipe.cross_validation_folds > 1


def _read(folder: Path) -> tuple[Sequence[LabelledImage], Sequence[DuplicatePair]]:
    """The usable images, those that are the same picture in one group, and which those are."""
    images = read_data_set(folder).images
    pairs = find_duplicates(images)
    return join_duplicates(images, pairs), pairs


def _as_one_part(images: Sequence[LabelledImage]) -> list[LabelledImage]:
    """Where folds judge each other, train and val are parted anew."""
    return [replace(one, split="train") if one.split == "val" else one for one in images]


def part_images(run: TrainingRun, images: Sequence[LabelledImage]) -> Parts:
    """By the data set's own parts; where it lacks one, whole groups are held out."""
    train, validation = of_split(images, "train"), of_split(images, "val")
    told_apart = bool(train and validation)
    if not told_apart:
        rest = train or [image for image in images if image.split != "test"]
        train, validation = hold_out_groups(rest, _UNTOLD_VALIDATION_SHARE, run.recipe.seed + 1)
    fit, calibration = hold_out_groups(train, run.recipe.calibration_share, run.recipe.seed)
    return Parts(fit, calibration, validation, told_apart)


def type_images(run: TrainingRun) -> list[LabelledImage]:
    """None where no head learns from them."""
    network = run.recipe.network
    if run.type_data is None or not (network.types or network.strangeness_directions):
        return []
    images, _ = _read(run.type_data)
    return of_types(run.recipe, images)
