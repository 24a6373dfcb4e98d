"""What the rule of image quality says of whole data sets, and how its measures spread there.

    python -m benchmarks.quality_spread --data FOLDER [--one-of-each-group] [--images N]

The rule's limits were set so that ordinary radiographs pass: this says whether they do.
"""

import random
import re
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from cli.output import print_table
from model.datasets.images import read_image
from model.datasets.labelled import LabelledImage
from model.datasets.reading import read_data_set
from model.quality import Grade, Quality, QualityProblem, assess_quality, measure_quality

_SEED = 0
_SHARES = {"least": 0.0, "1 %": 0.01, "5 %": 0.05, "median": 0.5, "99 %": 0.99, "most": 1.0}


@dataclass(frozen=True, slots=True)
class Assessed:
    """One image: what the rule says of it, what it rests on, and what it cost."""

    problems: tuple[QualityProblem, ...]
    quality: Quality
    seconds: float  # of the CPU, for the rule alone

    @property
    def refused(self) -> bool:
        return any(problem.grade is Grade.NOT_ASSESSABLE for problem in self.problems)


@dataclass(frozen=True, slots=True)
class Spread:
    """A data set's images in numbers."""

    looked_at: int
    refused: int
    noted_only: int
    reasons: Counter[str]  # of refusals and notes, an image may have several
    measures: dict[str, tuple[float, ...]]  # each at _SHARES of the images
    milliseconds: float  # the median image's


def choose_images(
    images: Sequence[LabelledImage], one_of_each_group: bool, number: int | None
) -> list[LabelledImage]:
    """All of them, or the first of each group; so many of those, drawn by chance."""
    firsts = {image.group: image for image in reversed(images)}
    chosen = list(reversed(firsts.values())) if one_of_each_group else list(images)
    return random.Random(_SEED).sample(chosen, min(number or len(chosen), len(chosen)))  # noqa: S311


def assess(image: LabelledImage) -> Assessed:
    radiograph = read_image(image.path)
    started = time.process_time()
    problems = assess_quality(radiograph)
    seconds = time.process_time() - started
    return Assessed(problems, measure_quality(radiograph), seconds)


def spread_of(assessed: Sequence[Assessed]) -> Spread:
    refused = sum(one.refused for one in assessed)
    problems = [problem for one in assessed for problem in one.problems]
    return Spread(
        looked_at=len(assessed),
        refused=refused,
        noted_only=sum(bool(one.problems) for one in assessed) - refused,
        reasons=Counter(f"{problem.grade}: {_kind(problem.reason)}" for problem in problems),
        measures=_measures(one.quality for one in assessed),
        milliseconds=1e3 * float(np.median([one.seconds for one in assessed])),
    )


def _kind(reason: str) -> str:
    """Without the numbers of this one image."""
    return re.sub(r"\d+( × \d+)?", "…", reason)


def _measures(qualities: Iterable[Quality]) -> dict[str, tuple[float, ...]]:
    values = np.array([astuple(quality) for quality in qualities], np.float64)
    at = np.quantile(values, list(_SHARES.values()), axis=0, method="nearest").T
    return {field.name: tuple(row) for field, row in zip(fields(Quality), at, strict=True)}


def main(
    data: Annotated[Path, typer.Option(help="A data set's folder.")],
    one_of_each_group: Annotated[
        bool, typer.Option("--one-of-each-group", help="Of near copies the first alone.")
    ] = False,
    images: Annotated[int | None, typer.Option(help="So many, by chance; else all.", min=1)] = None,
) -> None:
    chosen = choose_images(read_data_set(data).images, one_of_each_group, images)
    spread = spread_of([assess(image) for image in chosen])
    typer.echo(
        f"{spread.looked_at} images: {spread.refused} refused, {spread.noted_only} noted only; "
        f"{spread.milliseconds:.0f} ms of one CPU core for the median image"
    )
    for reason, count in spread.reasons.most_common():
        typer.echo(f"{count} × {reason}")
    columns = ["measure", *_SHARES]
    print_table(columns, [_row(columns, *one) for one in spread.measures.items()])


def _row(columns: Sequence[str], name: str, values: Sequence[float]) -> dict[str, object]:
    return dict(zip(columns, [name, *(f"{value:.4g}" for value in values)], strict=True))


if __name__ == "__main__":
    typer.run(main)
