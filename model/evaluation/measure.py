"""Measures a classifier on labelled images: the very path that serves, file to prediction."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from model.classifier import FractureClassifier
from model.datasets.labelled import LabelledImage
from model.evaluation.localisation import find_peaks
from model.evaluation.measured import Measured
from model.not_assessable import NotAssessable
from model.prediction import Prediction, most_suspicious
from model.radiograph import Radiograph, read_radiographs


@dataclass(frozen=True, slots=True)
class Unread:
    """A file that could not be read, and why."""

    image: LabelledImage
    reason: str


def measure(classifier: FractureClassifier, images: Iterable[LabelledImage]) -> list[Measured]:
    """Every row at once, heatmaps and all; an unreadable file raises NotAssessable."""
    return [_measure_one(classifier, image, keep_heatmap=True) for image in images]


def measure_each(
    classifier: FractureClassifier, images: Iterable[LabelledImage]
) -> Iterator[Measured | Unread]:
    """One row after the other, without its heatmap: little memory for any number of images."""
    for image in images:
        try:
            yield _measure_one(classifier, image, keep_heatmap=False)
        except NotAssessable as refusal:
            yield Unread(image, str(refusal))


def _measure_one(
    classifier: FractureClassifier, image: LabelledImage, keep_heatmap: bool
) -> Measured:
    started = time.perf_counter()
    radiographs = read_radiographs(image.path)
    prediction = most_suspicious(classifier.predict(radiographs))
    seconds = time.perf_counter() - started
    shown = next(one for one in radiographs if one.frame == prediction.frame)
    if image.size not in (None, shown.pixels.shape):
        raise NotAssessable("its boxes were drawn on a picture of another size")
    return row_of(image, prediction, shown, keep_heatmap, seconds)


def row_of(
    image: LabelledImage,
    prediction: Prediction,
    radiograph: Radiograph,
    keep_heatmap: bool = False,
    seconds: float | None = None,
) -> Measured:
    """The prediction for one radiograph beside its labels."""
    rows, columns = radiograph.pixels.shape
    heatmap = prediction.heatmap
    return Measured(
        image=image,
        rows=rows,
        columns=columns,
        probability=prediction.probability,
        logit=prediction.logit,
        reason=prediction.reason,
        regions=prediction.regions,
        types=prediction.types,
        hardware=prediction.hardware_probability,
        boxes=prediction.boxes,
        peaks=None if heatmap is None else find_peaks(heatmap, rows, columns),
        heatmap=heatmap if keep_heatmap else None,
        seconds=seconds,
    )
