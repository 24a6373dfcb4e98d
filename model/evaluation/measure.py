"""Measures a classifier on labelled images: the very path that serves, file to prediction."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.classifier import FractureClassifier
from model.datasets.labelled import LabelledImage
from model.evaluation.localisation import Located, peak_in_box
from model.evaluation.metrics import (
    Metric,
    auroc,
    average_precision,
    bootstrap_interval,
    expected_calibration_error,
    sensitivity_at,
    specificity_at,
)
from model.figures import Figures, Interval, PointFigures
from model.prediction import Prediction
from model.radiograph import read_picture

Values = NDArray[np.float64]

_NOTE = (
    "Measured on this very artefact, on images of groups it never saw; nothing was chosen by "
    "them. They are easier than an unseen test part: expect about 0.04 less AUROC there, and "
    "less again on another hospital's radiographs. The intervals redraw whole groups."
)


@dataclass(frozen=True, slots=True)
class Measured:
    """One prediction beside the truth."""

    image: LabelledImage
    prediction: Prediction
    rows: int
    columns: int


@dataclass(frozen=True, slots=True)
class Truths:
    """The columns that figures are made of."""

    logits: Values
    probabilities: Values
    labels: Values
    groups: NDArray[np.str_]


def measure(classifier: FractureClassifier, images: Sequence[LabelledImage]) -> list[Measured]:
    """Read and judge every image, one after the other."""
    return [_measure_one(classifier, image) for image in images]


def _measure_one(classifier: FractureClassifier, image: LabelledImage) -> Measured:
    radiograph = read_picture(image.path)
    rows, columns = radiograph.pixels.shape
    return Measured(image, classifier.predict([radiograph])[0], rows, columns)


def truths(measured: Sequence[Measured]) -> Truths:
    """Row by row what was said and what is true."""
    return Truths(
        logits=np.array([one.prediction.logit for one in measured]),
        probabilities=np.array([one.prediction.probability for one in measured]),
        labels=np.array([one.image.fractured for one in measured], dtype=np.float64),
        groups=np.array([one.image.group for one in measured]),
    )


def located(measured: Sequence[Measured]) -> list[Located]:
    """The heatmaps with their images."""
    return [Located(one.image, one.prediction.heatmap, one.rows, one.columns) for one in measured]


def summarise(
    measured: Sequence[Measured], classifier: FractureClassifier, command: str
) -> Figures:
    """The figures a card carries, and the command that makes them again."""
    points = classifier.card.operating_points
    known = truths(measured)
    return Figures(
        command=command,
        images=len(known.labels),
        fractured=int(known.labels.sum()),
        groups=len(np.unique(known.groups)),
        auroc=_interval(known, auroc),
        average_precision=_interval(known, average_precision),
        sensitive=_point_figures(known, points.sensitive.probability),
        specific=_point_figures(known, points.specific.probability),
        region_accuracy=round(_region_accuracy(measured, classifier.card.regions), 4),
        heatmap_peak_in_box=round(peak_in_box(located(measured)), 4),
        expected_calibration_error=round(
            expected_calibration_error(known.probabilities, known.labels), 4
        ),
        note=_NOTE,
    )


def _interval(known: Truths, metric: Metric) -> Interval:
    low, high = bootstrap_interval(metric, known.probabilities, known.labels, known.groups)
    value = metric(known.probabilities, known.labels)
    return Interval(value=round(value, 4), low=round(low, 4), high=round(high, 4))


def _point_figures(known: Truths, operating_point: float) -> PointFigures:
    return PointFigures(
        sensitivity=_interval(known, sensitivity_at(operating_point)),
        specificity=_interval(known, specificity_at(operating_point)),
    )


def _region_accuracy(measured: Sequence[Measured], regions: tuple[str, ...]) -> float:
    """The share of images whose region is one of those shown."""
    hits = [one.image.regions[regions.index(one.prediction.region)] > 0 for one in measured]
    return float(np.mean(hits))
