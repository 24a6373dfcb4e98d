"""From a trained network to an artefact: exported, calibrated, measured and described."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import compress
from pathlib import Path

import numpy as np
import structlog
from numpy.typing import NDArray

from model.artefact import load_artefact, write_card
from model.calibration import fit_operating_points, fit_platt
from model.card import (
    BoxPoint,
    Calibration,
    Card,
    Coverage,
    Input,
    NetworkSpec,
    OperatingPoint,
    OperatingPoints,
)
from model.classifier import FractureClassifier
from model.datasets.labelled import LabelledImage
from model.evaluation.localisation import box_agreement, located
from model.evaluation.measure import measure
from model.evaluation.measured import Measured, truths
from model.evaluation.metrics import Sample, expected_calibration_error, point_figures
from model.evaluation.summary import summarise
from model.exporting.artefact_files import export_network
from model.heatmap import find_boxes
from model.networks.build import Network
from model.prediction import Box
from model.training.coverage import BEYOND_DOUBT, COVERED, Limits
from model.training.limits import limits
from model.training.provenance import NAME, Origins, intended_use, sources
from model.training.recipes import Recipe
from model.training.type_head import TypeResult

log = structlog.get_logger(__name__)

_PEAK_SHARES = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9)


@dataclass(frozen=True, slots=True)
class Draft:
    """What an artefact is called, where it goes, and how it came about."""

    recipe: Recipe
    network: NetworkSpec
    version: str
    out: Path
    origins: Origins
    training: str = ""
    coverage: Limits | None = None
    types: TypeResult | None = None


def draft(network: Network, plan: Draft) -> Path:
    """Export the network with a card whose operating points are not set yet."""
    folder = plan.out / f"{NAME}-{plan.version}"
    export_network(network, plan.recipe.side, folder)
    write_card(folder, _uncalibrated_card(plan))
    return folder


_UNSET_BOX = BoxPoint(peak_share=0.75, chosen_for="not calibrated yet")


def _uncalibrated_card(plan: Draft) -> Card:
    recipe = plan.recipe
    unset = OperatingPoint(probability=0.5, chosen_for="not calibrated yet")
    return Card(
        name=NAME,
        version=plan.version,
        intended_use=intended_use(recipe),
        network=plan.network,
        input=Input(side=recipe.side, mirrored_too=recipe.mirrored_too),
        calibration=Calibration(slope=1.0, intercept=0.0, fitted_on="nothing yet"),
        operating_points=OperatingPoints(sensitive=unset, specific=unset, box=_UNSET_BOX),
        coverage=_coverage(plan.coverage),
        type_point=None if plan.types is None else plan.types.point,
        type_validation=None if plan.types is None else plan.types.figures,
        training=plan.training,
        recipe=asdict(recipe),
        sources=sources(recipe, plan.origins),
        limits=limits(recipe, plan.origins),
        files={},
    )


def _coverage(limits: Limits | None) -> Coverage | None:
    if limits is None:
        return None
    return Coverage(
        limit=limits.covered,
        doubt=limits.beyond_doubt,
        chosen_for=(
            "beyond a limit nothing is said, and beyond a doubt no image is said to be whole. "
            f"{COVERED.learned:.1%} and {BEYOND_DOUBT.learned:.1%} of what it was trained on lie "
            f"below them, and at least {COVERED.elsewhere:.0%} and {BEYOND_DOUBT.elsewhere:.0%} of "
            "another source's, where there was one: set so, not tested on a third"
        ),
    )


def calibrate(folder: Path, judged: Sequence[Measured], fitted_on: str) -> Card:
    """Set probabilities and operating points by what was said of images it never saw."""
    card = load_artefact(folder).card
    known = truths(judged)
    scaling = fit_platt(known.logits, known.labels)
    promised = _promised_points(card, judged, scaling.probability(known.logits))
    calibration = Calibration(slope=scaling.slope, intercept=scaling.intercept, fitted_on=fitted_on)
    calibrated = card.model_copy(update={"calibration": calibration, "operating_points": promised})
    write_card(folder, calibrated)
    return calibrated


def _promised_points(
    card: Card, judged: Sequence[Measured], probabilities: NDArray[np.float64]
) -> OperatingPoints:
    labels = truths(judged).labels
    sensitivity, specificity = (
        float(str(card.recipe[name])) for name in ("sensitivity", "specificity")
    )
    points = fit_operating_points(probabilities, labels, sensitivity, specificity)
    return OperatingPoints(
        sensitive=OperatingPoint(
            probability=points.sensitive, chosen_for=f"sensitivity {sensitivity:.2f}"
        ),
        specific=OperatingPoint(
            probability=points.specific, chosen_for=f"specificity {specificity:.2f}"
        ),
        box=_box_point(judged),
    )


def _box_point(judged: Sequence[Measured]) -> BoxPoint:
    heatmaps = located(judged)
    if not heatmaps:
        return BoxPoint(peak_share=1.0, chosen_for="nothing: the network draws no heatmap")
    best = max(_PEAK_SHARES, key=lambda share: box_agreement(heatmaps, share))
    agreement = box_agreement(heatmaps, best)
    return BoxPoint(
        peak_share=best, chosen_for=f"the best agreement with readers' boxes, F1 {agreement:.2f}"
    )


def record_validation(folder: Path, images: Sequence[LabelledImage], command: str) -> None:
    """Measure the artefact as it lies in its folder on images of groups it never saw."""
    classifier = FractureClassifier.load(folder, "cpu")
    measured = measure(classifier, images)
    figures = summarise(measured, classifier.card.operating_points, command)
    write_card(folder, classifier.card.model_copy(update={"validation": figures}))


def record_cross_validation(
    folder: Path, shown: Sequence[Measured], folds: NDArray[np.intp], command: str
) -> None:
    """The figures of networks trained alike, each on its unseen fold."""
    card = load_artefact(folder).card
    note = cross_validation_note(shown, folds, card)
    figures = summarise(shown, card.operating_points, command, note)
    write_card(folder, card.model_copy(update={"cross_validation": figures}))


def as_shown(judged: Sequence[Measured], folds: NDArray[np.intp], card: Card) -> list[Measured]:
    """What the folds' networks said, as the calibrated artefact would have shown it."""
    return [
        _shown(one, probability, card)
        for one, probability in zip(judged, cross_calibrated(judged, folds), strict=True)
    ]


_CROSS_VALIDATION_NOTE = (
    "Not of this very artefact, which was fitted on these images too and measured on nothing else: "
    "of networks trained alike on the other folds alone, judging images of groups they never saw, "
    "with a calibration that these took no part in, and without the limit of what is covered. The "
    "operating points were chosen on all folds together; fold by fold, sensitivity was {possible} "
    "at `possible` and {fracture} at `fracture`, and the calibration error {error}: expect as much "
    "difference of the artefact. The intervals redraw whole groups."
)


def cross_validation_note(shown: Sequence[Measured], folds: NDArray[np.intp], card: Card) -> str:
    """What the figures are of, and how far the folds' networks lie apart."""
    points = card.operating_points
    parts = [
        Sample.of(truths(compress(shown, (folds == fold).tolist()))) for fold in np.unique(folds)
    ]
    return _CROSS_VALIDATION_NOTE.format(
        possible=_in_short(_sensitivity(part, points.sensitive) for part in parts),
        fracture=_in_short(_sensitivity(part, points.specific) for part in parts),
        error=_in_short(
            expected_calibration_error(part.probabilities, part.labels) for part in parts
        ),
    )


def _sensitivity(part: Sample, point: OperatingPoint) -> float | None:
    reached = point_figures(part, point.probability).sensitivity
    return None if reached is None else reached.value


def _in_short(figures: Iterable[float | None]) -> str:
    return ", ".join("–" if figure is None else f"{figure:.2f}" for figure in figures)


def cross_calibrated(judged: Sequence[Measured], folds: NDArray[np.intp]) -> NDArray[np.float64]:
    """Probabilities, each by a calibration that its own fold took no part in; nan: not judged."""
    logits = np.array([np.nan if one.logit is None else one.logit for one in judged])
    labels = np.array([one.image.fractured for one in judged], dtype=np.float64)
    probabilities = np.full(len(judged), np.nan)
    for fold in np.unique(folds):
        others = (folds != fold) & ~np.isnan(logits)
        scaling = fit_platt(logits[others], labels[others])
        probabilities[folds == fold] = scaling.probability(logits[folds == fold])
    return probabilities


def _shown(one: Measured, probability: float, card: Card) -> Measured:
    """The row as the calibrated artefact would have shown it."""
    if not one.judged:
        return one
    points = card.operating_points
    boxes: tuple[Box, ...] = ()
    if one.heatmap is not None and probability >= points.sensitive.probability:
        boxes = find_boxes(one.heatmap, one.rows, one.columns, points.box.peak_share)
    return replace(one, probability=round(float(probability), 4), boxes=boxes)
