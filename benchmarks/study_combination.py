"""How the images of a study should make one answer: rules compared on images judged out of fold.

    python -m benchmarks.study_combination runs/mine/cross-validation/images.csv [--images N]

FracAtlas does not tell its studies. What comes nearest are images with consecutive numbers, of one
region, size and group: most are of one patient. So many of them stand for a study; it is fractured
if one of them is. The intervals redraw whole groups.
"""

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from benchmarks.paired_ranking import rank_beside
from cli.output import print_table
from model.artefact import bundled_artefact, load_artefact
from model.evaluation.metrics import Sample, sensitivity_at_specificity
from model.evaluation.redraws import Redraws
from model.evaluation.wording import span
from model.figures import Interval

Values = NDArray[np.float64]
HELD_SPECIFICITY = 0.88
HAND = "1 0 0 0"  # as images.csv writes regions


@dataclass(frozen=True, slots=True)
class JudgedImage:
    """A row of images.csv that has an answer."""

    number: int
    likeness: tuple[str, ...]  # what images of one study share
    group: str
    fractured: bool
    probability: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a rule does on the studies, beside the rule that takes the highest probability."""

    rule: str
    auroc: Interval
    sensitivity: float  # at HELD_SPECIFICITY, on these very studies
    against_highest: Interval  # difference of AUROC, in the same redraws


def _none_whole(probabilities: Values) -> float:
    return float(1 - np.prod(1 - probabilities))


def _mean_logit(probabilities: Values) -> float:
    return float(np.log(probabilities / (1 - probabilities)).mean())


RULES: dict[str, Callable[[Values], float]] = {
    "highest": lambda probabilities: float(probabilities.max()),
    "mean": lambda probabilities: float(probabilities.mean()),
    "mean of the logits": _mean_logit,
    "mean of the two highest": lambda probabilities: float(np.sort(probabilities)[-2:].mean()),
    "one minus all whole": _none_whole,
}


def read_rows(table: Path) -> list[JudgedImage]:
    """In the order of their numbers."""
    with table.open(encoding="utf-8") as lines:
        judged = [_image(row) for row in csv.DictReader(lines) if row["probability"]]
    return sorted(judged, key=lambda image: image.number)


def _image(row: dict[str, str]) -> JudgedImage:
    digits = re.sub(r"\D", "", Path(row["file"]).stem)
    return JudgedImage(
        number=int(digits or 0),
        likeness=(row["group"], row["regions"], row["rows"], row["columns"]),
        group=row["group"],
        fractured=row["fractured"] == "1",
        # So that a mean of logits stays finite.
        probability=min(max(float(row["probability"]), 1e-4), 1 - 1e-4),
    )


def make_studies(images: Sequence[JudgedImage], size: int) -> list[list[JudgedImage]]:
    """As many whole ones as each run of like images gives."""
    cut = [run[at : at + size] for run in _runs(images) for at in range(0, len(run), size)]
    return [study for study in cut if len(study) == size]


def _runs(images: Sequence[JudgedImage]) -> Iterator[list[JudgedImage]]:
    run = list(images[:1])
    for one, following in pairwise(images):
        if following.number != one.number + 1 or following.likeness != one.likeness:
            yield run
            run = []
        run.append(following)
    yield run


def compare_rules(studies: Sequence[Sequence[JudgedImage]]) -> list[Comparison]:
    labels = np.array([float(any(image.fractured for image in study)) for study in studies])
    redraws = Redraws.of(study[0].group for study in studies)
    scores = {
        name: np.array([rule(np.array([one.probability for one in study])) for study in studies])
        for name, rule in RULES.items()
    }
    ranked = rank_beside(scores, labels, redraws, "highest")
    return [
        Comparison(
            rule=name,
            auroc=found,
            sensitivity=_sensitivity(Sample(scores[name], labels, redraws)),
            against_highest=above,
        )
        for name, (found, above) in ranked.items()
    ]


def _sensitivity(studies: Sample) -> float:
    held = sensitivity_at_specificity(studies, HELD_SPECIFICITY)
    assert held is not None
    return held.reached.value


def main(
    table: Annotated[Path, typer.Argument(help="images.csv of a cross-validation.")],
    images: Annotated[int, typer.Option(help="Images that stand for a study.", min=2)] = 2,
) -> None:
    studies = make_studies(read_rows(table), images)
    fractured = sum(any(image.fractured for image in study) for study in studies)
    typer.echo(f"{len(studies)} studies of {images} images, {fractured} fractured")
    columns = ["rule", "AUROC", "interval", f"sensitivity at {HELD_SPECIFICITY}", "against highest"]
    print_table(columns, [_shown(one, columns) for one in compare_rules(studies)])
    card = load_artefact(bundled_artefact()).card
    for name in ("sensitive", "specific"):
        point = getattr(card.operating_points, name).probability
        typer.echo(f"whole studies that stay below the {name} point, {point}:")
        for kind, share in passed(studies, point).items():
            typer.echo(f"  {kind}: {share}")


def passed(studies: Sequence[Sequence[JudgedImage]], point: float) -> dict[str, str]:
    """Of studies without a fracture, and of those of hands alone, how many raise no alarm."""
    whole = [study for study in studies if not any(image.fractured for image in study)]
    hands = [study for study in whole if study[0].likeness[1] == HAND]
    return {"all": _share_below(whole, point), "hands": _share_below(hands, point)}


def _share_below(studies: Sequence[Sequence[JudgedImage]], point: float) -> str:
    below = sum(all(image.probability < point for image in study) for study in studies)
    return f"{below} of {len(studies)}, {100 * below / max(1, len(studies)):.0f} %"


def _shown(one: Comparison, columns: Sequence[str]) -> dict[str, object]:
    values = [one.rule, one.auroc.value, span(one.auroc), one.sensitivity]
    return dict(zip(columns, [*values, span(one.against_highest)], strict=True))


if __name__ == "__main__":
    typer.run(main)
