"""The command that judges radiographs without a node."""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.artefacts import artefact_folder, load_classifier
from cli.exits import Exit, Leave

if TYPE_CHECKING:
    from cli.annotation import Pictures
    from cli.radiograph_files import RadiographFile
    from model.card import Card
    from model.classifier import FractureClassifier
    from model.prediction import Prediction

    Judged = tuple[RadiographFile, Prediction | None]

Row = dict[str, Any]
NOT_ANALYSED = "not_analysed"


def add_commands(app: typer.Typer) -> None:
    app.command()(predict)


def predict(
    files: Annotated[
        list[Path],
        typer.Argument(help="DICOM, PNG or JPEG files, folders of them, or - for a list on stdin."),
    ],
    model: Annotated[Path | None, typer.Option(help="An artefact, if not the one set.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document a line.")] = False,
    heatmap: Annotated[
        Path | None, typer.Option(help="Annotated picture: a PNG for one file, else a folder.")
    ] = None,
) -> int:
    """Say whether radiographs show a fracture. Research use only – not for clinical diagnosis."""
    from cli.progress import with_progress
    from cli.radiograph_files import STDIN, find_files

    many = len(files) > 1 or files[0] == STDIN or files[0].is_dir()
    classifier = load_classifier(model, bulk=many)
    pictures = _pictures(classifier, model, heatmap, many)
    endless = STDIN in files
    found = find_files(files) if endless else list(find_files(files))
    total = None if isinstance(found, Iterator) else len(found)
    rows = (_row(*judged, pictures) for judged in judge_files(classifier, iter(found)))
    watched = not (as_json and sys.stdout.isatty())
    shown = with_progress(rows, total, "radiographs", watched)
    states = _print_each(shown) if as_json else _print_table(shown, classifier.card)
    if not states:
        raise Leave(Exit.NOTHING_FOUND, "there is no DICOM, PNG or JPEG file to judge")
    return Exit.INPUT_UNREADABLE if NOT_ANALYSED in states else Exit.DONE


def _pictures(
    classifier: "FractureClassifier", model: Path | None, place: Path | None, many: bool
) -> "Pictures | None":
    from cli.annotation import Pictures, explanation_for

    if place is None:
        return None
    explain = explanation_for(classifier.card.network, artefact_folder(model))
    return Pictures(place, many or place.is_dir(), explain)


def judge_files(classifier: "FractureClassifier", paths: Iterator[Path]) -> "Iterator[Judged]":
    """Each file with the prediction that stands for it, in their order; None: not analysed."""
    from cli.radiograph_files import read_ahead

    for group in read_ahead(paths):
        yield from _judge(classifier, group)


def _judge(
    classifier: "FractureClassifier", group: "Sequence[RadiographFile]"
) -> "Iterator[Judged]":
    from model.prediction import most_suspicious

    frames = [radiograph for file in group for radiograph in file.radiographs]
    predictions = iter(classifier.predict(frames))
    for file in group:
        own = list(islice(predictions, len(file.radiographs)))
        yield file, most_suspicious(own) if own else None


def _print_each(rows: Iterable[Row]) -> set[str | None]:
    """A line each, at once; returns the states met."""
    from cli.output import print_json

    states = set()
    for row in rows:
        print_json(row)
        sys.stdout.flush()
        states.add(row["state"])
    return states


def _print_table(rows: Iterable[Row], card: "Card") -> set[str | None]:
    from cli.output import print_table

    columns = ["file", "state", "probability", "region", "reason"]
    if card.network.types:
        columns[4:4] = ["type", "type_probability"]
    kept = [{column: row[column] for column in columns} for row in rows]
    states = {row["state"] for row in kept}
    if kept:
        print_table(columns, [row | {"state": row["state"] or "-"} for row in kept])
    return states


def _row(
    file: "RadiographFile", prediction: "Prediction | None", pictures: "Pictures | None"
) -> Row:
    """The line of `predict --json`; absent knowledge is null."""
    from model.prediction import row_of, row_of_refused

    picture = None
    if prediction is None:
        told = row_of_refused(file.reason)
    else:
        told = row_of(prediction)
        if pictures is not None and prediction.reason is None:
            picture = str(pictures.write(file, prediction))
    return {"file": _printable(file.path), **told, "picture": picture}


def _printable(path: Path) -> str:
    """A name on disk may be no text at all."""
    return os.fsencode(path).decode("utf-8", "replace")
