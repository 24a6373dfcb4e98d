"""Rows of measured images summed up as the figures that a card carries."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from model.card import OperatingPoints
from model.evaluation.fracture_types import figures_of_types, type_answers
from model.evaluation.froc import images_hit_at, localisable, score_marks
from model.evaluation.localisation import hits
from model.evaluation.measured import Measured, Truths, truths
from model.evaluation.metrics import (
    Sample,
    auroc_interval,
    average_precision_interval,
    brier_interval,
    calibration_error_interval,
    point_figures,
    sensitivity_at_specificity,
    specificity_at_sensitivity,
)
from model.evaluation.redraws import Redraws, mean_interval
from model.evaluation.regions import region_accuracy
from model.evaluation.subgroups import subgroups
from model.figures import (
    Figures,
    HeldFigure,
    Interval,
    MarkFigures,
    TypeFigures,
    UnjudgedAsNegative,
)

HELD_SPECIFICITY, HELD_SENSITIVITY = 0.88, 0.90
HELD_FALSE_MARKS = 0.3  # per image
NOTE = (
    "Measured on this very artefact, on images of groups it never saw; nothing was chosen by "
    "them. The intervals redraw whole groups."
)


class NothingJudged(Exception):
    """No image was judged, so there is nothing to sum up."""


def summarise(
    measured: Sequence[Measured], points: OperatingPoints, command: str, note: str = NOTE
) -> Figures:
    """The figures of a card; `command` makes them again, `note` says what they were measured on."""
    judged = [one for one in measured if one.judged]
    if not judged:
        raise NothingJudged("none of the images was assessable: there is nothing to measure")
    sample = Sample.of(truths(judged))
    sensitive, specific = points.sensitive.probability, points.specific.probability
    return Figures(
        command=command,
        images=len(measured),
        fractured=sum(one.image.fractured for one in measured),
        groups=len({one.image.group for one in measured}),
        not_assessable=len(measured) - len(judged),
        auroc=auroc_interval(sample),
        average_precision=average_precision_interval(sample),
        brier=brier_interval(sample),
        expected_calibration_error=calibration_error_interval(sample),
        sensitive=point_figures(sample, sensitive),
        specific=point_figures(sample, specific),
        sensitivity_at_specificity=sensitivity_at_specificity(sample, HELD_SPECIFICITY),
        specificity_at_sensitivity=specificity_at_sensitivity(sample, HELD_SENSITIVITY),
        region_accuracy=region_accuracy(judged),
        heatmap_peak_in_box=_peak_in_box(judged),
        marks=_mark_figures(judged),
        unjudged_as_negative=_unjudged_as_negative(measured, (sensitive, specific)),
        subgroups=subgroups(judged, sample, (sensitive, specific)),
        types=_types(judged),
        hardware_auroc=_hardware_auroc(judged),
        note=note,
    )


def _hardware_auroc(judged: Sequence[Measured]) -> Interval | None:
    """None where the data or the network do not tell implants."""
    told = [one for one in judged if one.hardware is not None and one.image.hardware is not None]
    said = np.array([one.hardware for one in told], dtype=np.float64)
    there = np.array([one.image.hardware for one in told], dtype=np.float64)
    groups = np.array([one.image.group for one in told], dtype=np.str_)
    return auroc_interval(Sample.of(Truths(said, said, there, groups))) if told else None


def _peak_in_box(judged: Sequence[Measured]) -> Interval | None:
    """The share of boxed images whose heatmap is highest inside a box."""
    boxed = [one for one in judged if one.image.boxes and one.peaks]
    if not boxed:
        return None
    right = [any(hits(one.peaks[0], box) for box in one.image.boxes) for one in boxed if one.peaks]
    return mean_interval(np.array(right, dtype=np.float64), _redraws(boxed))


def _mark_figures(judged: Sequence[Measured]) -> MarkFigures | None:
    """None where readers boxed nothing, or the classifier marks nothing."""
    images = [one for one in judged if localisable(one)]
    boxed = np.array([bool(one.image.boxes) for one in images])
    if not boxed.any() or all(one.peaks is None and not one.boxes for one in images):
        return None
    shown = score_marks(images, lambda one: one.boxes)
    false = np.bincount(shown.false_image, minlength=len(images)).astype(np.float64)
    redraws = _redraws(images)
    return MarkFigures(
        boxed_images=int(boxed.sum()),
        boxes_hit=mean_interval(_hit(shown.image_hit[boxed]), redraws.only(boxed)),
        false_boxes_per_image=mean_interval(false, redraws),
        peaks_hit=_peaks_hit(images, redraws),
    )


def _hit(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    return (scores >= 0).astype(np.float64)


def _peaks_hit(images: Sequence[Measured], redraws: Redraws) -> HeldFigure | None:
    if not any(one.peaks for one in images):
        return None
    return images_hit_at(
        score_marks(images, lambda one: one.peaks or ()), HELD_FALSE_MARKS, redraws
    )


def _unjudged_as_negative(
    measured: Sequence[Measured], points: tuple[float, float]
) -> UnjudgedAsNegative | None:
    if all(one.judged for one in measured):
        return None
    answered = [one if one.judged else replace(one, probability=0.0, logit=0.0) for one in measured]
    sample = Sample.of(truths(answered))
    sensitive, specific = (point_figures(sample, point) for point in points)
    return UnjudgedAsNegative(auroc=auroc_interval(sample), sensitive=sensitive, specific=specific)


def _types(judged: Sequence[Measured]) -> TypeFigures | None:
    answers = type_answers(judged)
    return None if answers is None else figures_of_types(answers)


def _redraws(images: Sequence[Measured]) -> Redraws:
    return Redraws.of(one.image.group for one in images)
