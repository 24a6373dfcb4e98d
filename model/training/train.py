"""A training run from start weights to a calibrated, exported artefact, top to bottom."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from model.classifier import FractureClassifier
from model.datasets.images import ImageSet
from model.datasets.labelled import LabelledImage
from model.evaluation.measure import measure
from model.exporting.gate import record_serving_gate
from model.networks.build import Network
from model.networks.localising import LocalisingNetwork
from model.training.coverage import Source, fit_coverage
from model.training.cross_validation import cross_validate
from model.training.evidence import write_curves, write_evidence
from model.training.late_heads import Descriptions, describe, with_late_heads
from model.training.material import (
    NothingToLearn,
    Parts,
    check_labels,
    check_start,
    check_type_data,
    in_folds,
    of_types,
    part_images,
    read_apart,
    type_images,
)
from model.training.practice import render_phantoms
from model.training.run import TrainingRun, command_of, fit_one, load, machine, origins
from model.training.ship import (
    Draft,
    as_shown,
    calibrate,
    draft,
    record_cross_validation,
    record_validation,
)
from model.training.twin import record_shaken, twin_of
from model.training.type_head import judge_types, teach_types


def train(run: TrainingRun) -> Path:
    """The whole run; returns the folder of the artefact."""
    check_start(run)
    images = read_apart(run)
    check_labels(run.recipe, images)
    typed = type_images(run)
    check_type_data(run, typed)
    if not run.recipe.network.fracture:
        return _train_types(run, images)
    if in_folds(run.recipe):
        return _train_on_all(run, [image for image in images if image.split != "test"], typed)
    return _train_on_part(run, part_images(run, images), typed)


def _train_on_part(run: TrainingRun, parts: Parts, typed: Sequence[LabelledImage]) -> Path:
    """Some groups fit the weights, some the calibration, and some only measure."""
    held_out = load(run, parts.calibration)
    loaded = load(run, parts.fit)
    network = fit_one(run, "final", loaded, held_out)
    folder = _draft(run, network, Shown(parts.fit, loaded, typed))
    judged = measure(FractureClassifier.load(folder, "cpu"), parts.calibration)
    calibrate(folder, judged, f"{len(judged)} images of train groups that fitted no weight")
    if parts.validation:
        record_validation(folder, parts.validation, _measured_by(run, parts))
    return folder


def _measured_by(run: TrainingRun, parts: Parts) -> str:
    """What makes the validation figures again; no command can name groups that a run held out."""
    if parts.told_apart:
        return "osteon evaluate --model FOLDER --data FOLDER --split val"
    return f"{command_of(run)}  # on groups held out of the fit: the data name no train and val"


def _train_on_all(
    run: TrainingRun, images: list[LabelledImage], typed: Sequence[LabelledImage]
) -> Path:
    """Every image fits the weights; each is also judged by a network that never saw its group."""
    loaded = load(run, images)
    judgement = cross_validate(run, images, loaded)
    network = fit_one(run, "final", loaded, None)
    folder = _draft(run, network, Shown(images, loaded, typed))
    count = f"{len(judgement.rows)} images, each judged by a network that never saw its group"
    shown = as_shown(judgement.rows, judgement.folds, calibrate(folder, judgement.rows, count))
    record_cross_validation(folder, shown, judgement.folds, command_of(run))
    unseen = [row.image for row in judgement.of_fold(0)]
    twin = twin_of(folder, judgement.artefacts[0])
    record_shaken(folder, twin, unseen)
    card = record_serving_gate(folder, twin, unseen)
    write_curves(folder, card, shown)
    write_evidence(run, card, shown, judgement.folds)
    return folder


@dataclass(frozen=True, slots=True)
class Shown:
    """What the late heads learn from."""

    images: Sequence[LabelledImage]  # that fitted the network
    loaded: ImageSet  # the same, read
    typed: Sequence[LabelledImage]  # of known fracture types, from another source


def _draft(run: TrainingRun, network: Network, material: Shown) -> Path:
    """The network as it ships, with the heads that are taught when it stands."""
    plan = _plan(run)
    if not isinstance(network, LocalisingNetwork):
        return draft(network, plan)
    whole = with_late_heads(network, run.recipe.network)
    typed = material.typed
    shown = describe(whole, load(run, typed)) if typed else None
    if run.recipe.network.types and shown is not None:
        plan = replace(plan, types=teach_types(whole, run.recipe.network, typed, shown))
    if run.recipe.network.strangeness_directions:
        learned = _learned_source(run, whole, material)
        elsewhere = None if shown is None else _source(shown, typed)
        plan = replace(plan, coverage=fit_coverage(whole, learned, elsewhere))
    return draft(whole, plan)


def _plan(run: TrainingRun) -> Draft:
    whose, where = origins(run), machine(run)
    return Draft(run.recipe, run.recipe.network, run.version, run.out, whose, where)


def _learned_source(run: TrainingRun, network: LocalisingNetwork, material: Shown) -> Source:
    """All that the epochs showed: a node's self-test must not find its own phantoms strange."""
    real = _source(describe(network, material.loaded), material.images)
    if (practice := run.recipe.practice) is None:
        return real
    phantoms = describe(network, render_phantoms(practice.phantoms, run.recipe.side))
    names = [f"phantom {number}" for number in range(practice.phantoms)]
    return Source(np.concatenate([real.pooled, phantoms.pooled]), [*real.groups, *names])


def _source(shown: Descriptions, images: Sequence[LabelledImage]) -> Source:
    return Source(shown.pooled, [image.group for image in images])


def _train_types(run: TrainingRun, images: Sequence[LabelledImage]) -> Path:
    """A network of types alone: held-out groups say when to stop, others how well it does."""
    parts = part_images(run, of_types(run.recipe, images))
    if not (parts.calibration and parts.validation):
        raise NothingToLearn(f"{run.data}: too few groups to hold some out of the fit and measure")
    network = fit_one(run, "final", load(run, parts.fit), load(run, parts.calibration))
    types = judge_types(network, run.recipe.network, parts.validation, load(run, parts.validation))
    return draft(network, replace(_plan(run), types=types))
