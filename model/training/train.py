"""A training run from start weights to a calibrated, exported artefact, top to bottom."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from model.classifier import FractureClassifier
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
from model.evaluation.measure import measure
from model.networks.build import Network
from model.networks.localising import LocalisingNetwork
from model.training.coverage import Source, fit_coverage
from model.training.cross_validation import cross_validate
from model.training.evidence import write_evidence
from model.training.fitting import start_network
from model.training.late_heads import Descriptions, describe, with_late_heads
from model.training.practice import render_phantoms
from model.training.recipes import Recipe
from model.training.run import TrainingRun, fit_one, fitted_spec, load, machine, origins
from model.training.ship import (
    Draft,
    as_shown,
    calibrate,
    draft,
    record_cross_validation,
    record_validation,
)
from model.training.type_head import judge_types, teach_types

log = structlog.get_logger(__name__)

_UNSPLIT_VALIDATION_SHARE = 0.15


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


def train(run: TrainingRun) -> Path:
    """The whole run; returns the folder of the artefact."""
    _check(run)
    images = read_apart(run)
    _check_labels(run.recipe, images)
    if not run.recipe.network.fracture:
        return _train_types(run, images)
    if _in_folds(run.recipe):
        return _train_on_all(run, [image for image in images if image.split != "test"])
    return _train_on_part(run, part_images(run, images))


def _check(run: TrainingRun) -> None:
    """Hours before it would be missed."""
    if run.recipe.network.types and run.recipe.network.fracture and run.type_data is None:
        raise TypeDataMissing(f"{run.recipe.name} tells fracture types: it needs --type-data")
    start_network(replace(run.recipe, network=fitted_spec(run.recipe)), run.start_weights)


def _check_labels(recipe: Recipe, images: Sequence[LabelledImage]) -> None:
    if recipe.network.fracture and len({image.fractured for image in images}) < 2:
        raise NothingToLearn(f"{recipe.name} needs fractured and other images: all are of one kind")
    typed = {image.fracture_type for image in _of_types(recipe, images)}
    if not recipe.network.fracture and len(typed) < 2:
        raise NothingToLearn(f"{recipe.name} needs images of two of its fracture types or more")


def _of_types(recipe: Recipe, images: Sequence[LabelledImage]) -> list[LabelledImage]:
    """Only these: a type that the network has no place for cannot be taught."""
    known = recipe.network.types or FRACTURE_TYPES
    return [image for image in images if image.fracture_type in known]


def read_apart(run: TrainingRun) -> Sequence[LabelledImage]:
    """The usable images, without copies of those that a later part measures on."""
    images, pairs = _read(run.data)
    apart = leave_out_leaks(_as_one_part(images) if _in_folds(run.recipe) else images, pairs)
    log.info("read", images=len(apart.images), copies_of_measured=len(apart.dropped))
    return apart.images


def _in_folds(recipe: Recipe) -> bool:
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
    folder = _draft(run, network, parts.fit)
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
    folder = _draft(run, network, images)
    count = f"{len(judgement.rows)} images, each judged by a network that never saw its group"
    shown = as_shown(judgement.rows, judgement.folds, calibrate(folder, judgement.rows, count))
    command = f"osteon train --data FOLDER --recipe {run.recipe.name} --out FOLDER"
    card = record_cross_validation(folder, shown, judgement.folds, command)
    write_evidence(run, card, shown, judgement.folds)
    return folder


def _draft(run: TrainingRun, network: Network, images: Sequence[LabelledImage]) -> Path:
    """The network as it ships, with the heads that are taught when it stands."""
    plan = _plan(run)
    if not isinstance(network, LocalisingNetwork):
        return draft(network, plan)
    whole = with_late_heads(network, run.recipe.network)
    typed = _type_images(run)
    shown = _describe(run, whole, typed) if typed else None
    if run.recipe.network.types and shown is not None:
        plan = replace(plan, types=teach_types(whole, run.recipe.network, typed, shown))
    if run.recipe.network.strangeness_directions:
        learned = _learned_source(run, whole, images)
        elsewhere = None if shown is None else _source(shown, typed)
        plan = replace(plan, coverage=fit_coverage(whole, learned, elsewhere))
    return draft(whole, plan)


def _plan(run: TrainingRun) -> Draft:
    whose, where = origins(run), machine(run)
    return Draft(run.recipe, run.recipe.network, run.version, run.out, whose, where)


def _type_images(run: TrainingRun) -> list[LabelledImage]:
    if run.type_data is None:
        return []
    images, _ = _read(run.type_data)
    return _of_types(run.recipe, images)


def _describe(
    run: TrainingRun, network: LocalisingNetwork, images: Sequence[LabelledImage]
) -> Descriptions:
    return describe(network, load(run, images))


def _learned_source(
    run: TrainingRun, network: LocalisingNetwork, images: Sequence[LabelledImage]
) -> Source:
    """All that the epochs showed: a node's self-test must not find its own phantoms strange."""
    loaded, groups = load(run, images), [image.group for image in images]
    if (practice := run.recipe.practice) is not None:
        loaded = loaded.joined(render_phantoms(practice.phantoms, run.recipe.side))
        groups += [f"phantom {number}" for number in range(practice.phantoms)]
    return Source(describe(network, loaded).pooled, groups)


def _source(shown: Descriptions, images: Sequence[LabelledImage]) -> Source:
    return Source(shown.pooled, [image.group for image in images])


def _train_types(run: TrainingRun, images: Sequence[LabelledImage]) -> Path:
    """A network of types alone: held-out groups say when to stop, others how well it does."""
    parts = part_images(run, _of_types(run.recipe, images))
    network = fit_one(run, "final", load(run, parts.fit), load(run, parts.calibration))
    types = judge_types(network, run.recipe.network, parts.validation, load(run, parts.validation))
    return draft(network, replace(_plan(run), types=types))
