"""Commands that measure a classifier on labelled radiographs."""

from pathlib import Path
from typing import Annotated

import typer

from cli.classifier import load_classifier, missing_files_named
from cli.exits import Exit, Leave


def add_commands(app: typer.Typer) -> None:
    app.command()(evaluate)


def evaluate(
    data: Annotated[Path, typer.Option(help="Folder of a FracAtlas data set.")],
    model: Annotated[Path | None, typer.Option(help="An artefact, if not the one set.")] = None,
    split: Annotated[str, typer.Option(help="Which part of the data to measure on.")] = "val",
) -> int:
    """Measure a classifier as its card does: AUROC, operating points, regions, calibration."""
    from model.datasets.fracatlas import read_labels
    from model.datasets.labelled import of_split
    from model.evaluation.measure import measure, summarise

    classifier = load_classifier(model)
    with missing_files_named():
        images = of_split(read_labels(data), split)
    if not images:
        raise Leave(Exit.NOTHING_FOUND, f"{data} has no images in its part {split!r}")
    command = f"osteon evaluate --data FOLDER --split {split}"
    figures = summarise(measure(classifier, images), classifier, command)
    typer.echo(figures.model_dump_json(indent=2))
    return Exit.DONE
