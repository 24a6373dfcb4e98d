"""Which levels of severity a classifier's boxes come to, and how they follow readers' boxes.

    python -m benchmarks.severity_spread --data FOLDER [--model FOLDER] [--images N]
    python -m benchmarks.severity_spread --data FOLDER --model runs/mine/folds/osteon-0.0.0 \\
        --judged runs/mine/cross-validation/images.csv --fold 0

Asked are the fractured images with readers' boxes; the second way leaves those alone that a
cross-validation's network never saw. Types are left out: what the marks alone come to is shown. The
intervals redraw whole groups.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from scipy.stats import spearmanr

from benchmarks.pointing import images_of_fold
from cli.output import print_table
from model.artefact import bundled_artefact
from model.classifier import FractureClassifier
from model.datasets.images import read_image
from model.datasets.labelled import LabelledImage
from model.datasets.reading import read_data_set
from model.evaluation.metrics import share_interval
from model.evaluation.redraws import Redraws, interval
from model.evaluation.wording import span
from model.figures import Interval
from model.prediction import Box, State
from model.severity import (
    Level,
    SeverityEvidence,
    estimate_severity,
    gather_evidence,
    marked_extent,
)

Values = NDArray[np.float64]
Rows = NDArray[np.bool_]

_SEED = 0
_WIDEST_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Marked:
    """One fractured image that was called: the classifier's marks beside readers'."""

    group: str
    marks: int
    extent: float
    true_marks: int
    true_extent: float


@dataclass(frozen=True, slots=True)
class Figure:
    """What was counted, of how many images; None where there is none."""

    name: str
    images: int
    found: Interval | None


def mark(classifier: FractureClassifier, image: LabelledImage) -> Marked | None:
    """None where it claims no fracture, or nothing is seen of a bone."""
    radiograph = read_image(image.path)
    (told,) = classifier.predict([radiograph])
    extent = gather_evidence(radiograph, told.state, told.boxes, None).extent
    true_extent = marked_extent(radiograph, [Box(*box, score=1.0) for box in image.boxes])
    if extent is None or true_extent is None:
        return None
    return Marked(image.group, len(told.boxes), extent, len(image.boxes), true_extent)


def level_of(marks: int, extent: float) -> Level:
    severity = estimate_severity(SeverityEvidence(State.FRACTURE, None, marks, extent))
    assert severity is not None
    return severity.level


def is_wide(extent: float) -> bool:
    """Whether it is a step of its own: one mark is none."""
    return level_of(1, extent) is not Level.MILD


def is_widest(extent: float) -> bool:
    """Whether it is two steps: two marks are one, and three steps are severe."""
    return level_of(2, extent) is Level.SEVERE


def figures_of(marked: Sequence[Marked]) -> Iterator[Figure]:
    redraws = Redraws.of(one.group for one in marked)
    for name, (hits, of) in _shares(marked).items():
        yield Figure(name, int(of.sum()), share_interval(hits, of, redraws))
    extents = np.array([(one.extent, one.true_extent) for one in marked], np.float64).T
    numbers = np.array([(one.marks, one.true_marks) for one in marked], np.float64).T
    yield _correlation("extent, rank correlation with readers'", extents, redraws)
    yield _correlation("number, rank correlation with readers'", numbers, redraws)


def _shares(marked: Sequence[Marked]) -> dict[str, tuple[Rows, Rows]]:
    """By name the images that are meant, and those of which they are a share."""
    everyone = np.ones(len(marked), np.bool_)
    levels = np.array([level_of(one.marks, one.extent) for one in marked])
    wide = np.array([is_wide(one.extent) for one in marked])
    true_extents = np.array([one.true_extent for one in marked])
    widest = true_extents >= np.quantile(true_extents, 1 - _WIDEST_SHARE)
    return {
        **{f"level {level}": (levels == level, everyone) for level in Level},
        "extent wide or very wide": (wide, everyone),
        "extent very wide": (np.array([is_widest(one.extent) for one in marked]), everyone),
        "in readers' widest quarter, of the wide": (widest, wide),
        "in readers' widest quarter, of the others": (widest, ~wide),
    }


def _correlation(name: str, pair: Values, redraws: Redraws) -> Figure:
    rows = np.arange(pair.shape[1])

    def redrawn(weights: Values) -> Values:
        drawn = (np.repeat(rows, times) for times in weights.astype(np.intp))
        return np.array([_spearman(pair[:, some]) for some in drawn])

    return Figure(name, len(rows), interval(_spearman(pair), redraws.each(redrawn)))


def _spearman(pair: Values) -> float:
    """Not a number where one side is the same for all."""
    if (np.ptp(pair, axis=1) == 0).any():
        return float("nan")
    return float(spearmanr(*pair).statistic)


def choose_images(
    images: Sequence[LabelledImage], judged: Path | None, fold: int, number: int | None
) -> list[LabelledImage]:
    of_fold = images if judged is None else images_of_fold(images, judged, fold)
    boxed = [image for image in of_fold if image.fractured and image.boxes]
    return random.Random(_SEED).sample(boxed, min(number or len(boxed), len(boxed)))  # noqa: S311


def main(
    data: Annotated[Path, typer.Option(help="A data set's folder, with boxes.")],
    model: Annotated[Path | None, typer.Option(help="An artefact, if not the bundled one.")] = None,
    judged: Annotated[Path | None, typer.Option(help="images.csv of a cross-validation.")] = None,
    fold: Annotated[int, typer.Option(help="Whose images, with --judged.")] = 0,
    images: Annotated[int | None, typer.Option(help="So many, by chance; else all.", min=1)] = None,
) -> None:
    classifier = FractureClassifier.load(model or bundled_artefact(), "cpu")
    chosen = choose_images(read_data_set(data).images, judged, fold, images)
    marked = [one for image in chosen if (one := mark(classifier, image)) is not None]
    model_name = f"{classifier.card.name} {classifier.card.version}"
    typer.echo(f"{model_name}: {len(marked)} of {len(chosen)} fractured images have marks")
    columns = ["figure", "images", "value", "interval"]
    print_table(columns, [_row(one, columns) for one in figures_of(marked)])


def _row(one: Figure, columns: Sequence[str]) -> dict[str, object]:
    found = one.found
    shown = ("", "") if found is None else (f"{found.value:.3f}", span(found))
    return dict(zip(columns, [one.name, one.images, *shown], strict=True))


if __name__ == "__main__":
    typer.run(main)
