"""All that a report shows of one classifier on one part of a data set."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from model.card import Card
from model.evaluation.curves import Curves, draw_curves
from model.evaluation.froc import Froc, froc_curve, localisable, score_marks, summarise_froc
from model.evaluation.measure import Unread
from model.evaluation.measured import Measured, truths
from model.evaluation.metrics import Sample
from model.evaluation.regions import RegionConfusion, region_confusion
from model.evaluation.summary import summarise
from model.evaluation.thresholds import Confusion, Threshold, confusion, threshold_table
from model.figures import Figures

_WORST = 8
_NOTE = (
    "Measured on the files whose SHA-256 stands below. Whether the classifier saw any of these "
    "images before is not known here: its card says what it was made from. The intervals redraw "
    "whole groups."
)


@dataclass(frozen=True, slots=True)
class Subject:
    """Which classifier was measured, on which images, and on what machine."""

    card: Card
    data: str  # the folder's name, never its path
    split: str
    environment: dict[str, str]
    command: str  # what makes the figures again
    note: str  # what the figures are of


def files_measured(card: Card, data: str, split: str, environment: dict[str, str]) -> Subject:
    """The artefact's own files, asked about images that it may have seen or not."""
    command = f"osteon evaluate --model {card.name}-{card.version} --data FOLDER --split {split}"
    return Subject(card, data, split, environment, command, _NOTE)


@dataclass(frozen=True, slots=True)
class Declined:
    """An image without an answer, by its file's name."""

    file: str
    fractured: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Case:
    """An image that was judged wrongly."""

    file: str
    probability: float


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds to read and judge an image, one at a time."""

    median: float
    percentile_95: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What metrics.json holds."""

    name: str
    version: str
    files: dict[str, str]  # SHA-256 of the artefact's files
    data: str
    split: str
    measured_at: datetime
    environment: dict[str, str]
    operating_points: dict[str, float]
    figures: Figures
    curves: Curves
    froc: dict[str, Froc]  # by the kind of mark
    confusions: dict[str, Confusion]  # by operating point
    region_confusion: RegionConfusion | None
    thresholds: tuple[Threshold, ...]
    worst_misses: tuple[Case, ...]
    worst_alarms: tuple[Case, ...]
    not_assessable: tuple[Declined, ...]
    unread: tuple[Declined, ...]
    latency: Latency | None


def evaluate(
    measured: Sequence[Measured], unread: Sequence[Unread], subject: Subject
) -> Evaluation:
    """Raises NothingJudged where no image has an answer."""
    card = subject.card
    figures = summarise(measured, card.operating_points, subject.command, subject.note)
    judged = [one for one in measured if one.judged]
    sample = Sample.of(truths(judged))
    points = named_points(card)
    return Evaluation(
        name=card.name,
        version=card.version,
        files=card.files,
        data=subject.data,
        split=subject.split,
        measured_at=datetime.now(UTC).replace(microsecond=0),
        environment=subject.environment,
        operating_points=points,
        figures=figures,
        curves=draw_curves(sample),
        froc=_frocs(judged),
        confusions={name: confusion(sample, point) for name, point in points.items()},
        region_confusion=region_confusion(judged),
        thresholds=threshold_table(sample, points) if sample.both_classes else (),
        worst_misses=tuple(map(_case, worst_misses(judged, card))),
        worst_alarms=tuple(map(_case, worst_alarms(judged, card))),
        not_assessable=declined([one for one in measured if not one.judged]),
        unread=declined(unread),
        latency=latency(measured),
    )


def named_points(card: Card) -> dict[str, float]:
    """The operating points by what an image is called from there on."""
    points = card.operating_points
    return {"possible": points.sensitive.probability, "fracture": points.specific.probability}


def worst_misses(judged: Sequence[Measured], card: Card) -> list[Measured]:
    """Fractured images that were not called a fracture, the least suspicious first."""
    point = card.operating_points.specific.probability
    missed = [one for one in judged if one.image.fractured and _probability(one) < point]
    return sorted(missed, key=_probability)[:_WORST]


def worst_alarms(judged: Sequence[Measured], card: Card) -> list[Measured]:
    """Images without a fracture that were called all the same, the most suspicious first."""
    point = card.operating_points.sensitive.probability
    alarms = [one for one in judged if not one.image.fractured and _probability(one) >= point]
    return sorted(alarms, key=_probability, reverse=True)[:_WORST]


def _probability(one: Measured) -> float:
    assert one.probability is not None
    return one.probability


def _case(one: Measured) -> Case:
    return Case(one.image.path.name, _probability(one))


def declined(images: Iterable[Measured | Unread]) -> tuple[Declined, ...]:
    """Images without an answer, each with why."""
    return tuple(
        Declined(one.image.path.name, one.image.fractured, one.reason or "no reason given")
        for one in images
    )


def _frocs(judged: Sequence[Measured]) -> dict[str, Froc]:
    images = [one for one in judged if localisable(one)]
    if not any(one.image.boxes for one in images):
        return {}
    curves = {
        "heatmap peaks": froc_curve(score_marks(images, lambda one: one.peaks or ())),
        "boxes as shown": froc_curve(score_marks(images, lambda one: one.boxes)),
    }
    return {name: summarise_froc(points) for name, points in curves.items() if points}


def latency(measured: Sequence[Measured]) -> Latency | None:
    """None where it was not timed."""
    seconds = [one.seconds for one in measured if one.seconds is not None]
    if not seconds:
        return None
    median, slow = np.quantile(seconds, [0.5, 0.95])
    return Latency(round(float(median) * 1000, 1), round(float(slow) * 1000, 1))
