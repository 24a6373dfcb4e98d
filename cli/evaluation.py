"""Commands that measure classifiers on labelled radiographs, and show what a card says of one."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.artefacts import find_artefact, load_classifier
from cli.exits import Exit, Leave
from cli.measuring import (
    judged_images_needed,
    labelled_images,
    make_folder,
    measure_all,
    measure_both,
    report_unread,
    training_packages_there,
    written,
)

if TYPE_CHECKING:
    from model.classifier import FractureClassifier
    from model.evaluation.comparison import Comparison
    from model.evaluation.evaluation import Evaluation
    from model.evaluation.measured import Measured
    from model.evaluation.report import Gallery
    from model.evaluation.type_evaluation import TypeEvaluation
    from model.figures import Interval, PointFigures

Data = Annotated[Path, typer.Option(help="Folder of labelled radiographs.")]
Split = Annotated[str, typer.Option(help="Which part of the data; `all` takes every image.")]
AsJson = Annotated[bool, typer.Option("--json", help="The figures as one JSON document.")]


def add_commands(app: typer.Typer) -> None:
    for command in (evaluate, compare, card):
        app.command()(command)


def evaluate(
    data: Data,
    model: Annotated[Path | None, typer.Option(help="An artefact, if not the one set.")] = None,
    split: Split = "val",
    out: Annotated[
        Path | None, typer.Option(help="Folder of the report, if not one under runs/.")
    ] = None,
    thumbnails: Annotated[
        bool,
        typer.Option("--thumbnails/--no-thumbnails", help="Show the worst images in the report."),
    ] = True,
    as_json: AsJson = False,
) -> int:
    """Measure a classifier and write a report: metrics.json and report.html."""
    images = labelled_images(data, split)
    with training_packages_there():
        from model.evaluation.evaluation import evaluate as evaluate_rows
        from model.evaluation.evaluation import files_measured
        from model.evaluation.report import write_report
        from model.evaluation.type_evaluation import evaluate_types

    classifier = load_classifier(model)
    name = f"{classifier.card.name}-{classifier.card.version}-{split}"
    folder = out or Path("runs") / f"evaluation-{name}"
    make_folder(folder)
    measured, unread = measure_all(classifier, images)
    subject = files_measured(classifier.card, data.resolve().name, split, _environment())
    if not classifier.card.network.fracture:
        with judged_images_needed(), written(folder):
            _report_types(evaluate_types(measured, unread, subject), folder, as_json)
        return report_unread(unread)
    with judged_images_needed():
        evaluation = evaluate_rows(measured, unread, subject)
    gallery = _gallery(classifier, measured) if thumbnails else None
    with written(folder):
        write_report(evaluation, gallery, folder)
    _print_summary(evaluation, folder, as_json)
    return report_unread(unread)


def compare(
    first: Annotated[Path, typer.Argument(help="Artefact folder of A.")],
    second: Annotated[Path, typer.Argument(help="Artefact folder of B.")],
    data: Data,
    split: Split = "val",
    as_json: AsJson = False,
) -> int:
    """Say what differs between two classifiers, and what the images leave open."""
    images = labelled_images(data, split)
    with training_packages_there():
        from model.evaluation.comparison import Judge
        from model.evaluation.comparison import compare as compare_judges

    classifiers = _telling_fractures(first), _telling_fractures(second)
    pairs, unread = measure_both(classifiers, images)
    judges = (Judge(c.card, [pair[n] for pair in pairs]) for n, c in enumerate(classifiers))
    with judged_images_needed():
        comparison = compare_judges(*judges)
    _print_comparison(comparison, as_json)
    return report_unread(unread)


def card(
    model: Annotated[Path | None, typer.Option(help="An artefact, if not the one set.")] = None,
) -> int:
    """Print an artefact's model card, as docs/model-card.md has it."""
    from model.evaluation.card_page import card_page

    typer.echo(card_page(find_artefact(model).card), nl=False)
    return Exit.DONE


def _telling_fractures(artefact: Path) -> "FractureClassifier":
    classifier = load_classifier(artefact)
    if not classifier.card.network.fracture:
        raise Leave(
            Exit.CLASSIFIER_UNUSABLE,
            f"{artefact} tells fracture types alone, and what is compared is whether there is a "
            "fracture; `osteon evaluate` measures types",
        )
    return classifier


def _environment() -> dict[str, str]:
    from model.evaluation.environment import describe_environment
    from settings import load_settings

    return describe_environment(load_settings().device)


def _gallery(classifier: "FractureClassifier", measured: "list[Measured]") -> "Gallery":
    from model.evaluation.evaluation import worst_alarms, worst_misses
    from model.evaluation.report import Gallery
    from model.evaluation.thumbnails import make_thumbnails

    judged = [one for one in measured if one.judged]
    return Gallery(
        misses=make_thumbnails(classifier, worst_misses(judged, classifier.card)),
        alarms=make_thumbnails(classifier, worst_alarms(judged, classifier.card)),
    )


def _print_summary(evaluation: "Evaluation", folder: Path, as_json: bool) -> None:
    from cli.output import print_json, print_table

    if as_json:
        print_json(evaluation.figures.model_dump(mode="json"))
        return
    figures = evaluation.figures
    typer.echo(
        f"{evaluation.name} {evaluation.version} on {evaluation.split} of {evaluation.data}: "
        f"{figures.images} images, {figures.fractured} fractured, {figures.groups} groups; "
        f"{figures.not_assessable} not assessable, {len(evaluation.unread)} not readable"
    )
    print_table(("figure", "value", "interval"), list(_summary_rows(evaluation)))
    typer.echo(f"report: {folder / 'report.html'}")


def _report_types(evaluation: "TypeEvaluation", folder: Path, as_json: bool) -> None:
    from cli.output import print_json, print_table
    from model.evaluation.report import write_type_report

    write_type_report(evaluation, folder)
    if as_json:
        print_json(evaluation.types.model_dump(mode="json"))
        return
    types = evaluation.types
    typer.echo(
        f"{evaluation.name} {evaluation.version}, which tells fracture types alone, on "
        f"{evaluation.split} of {evaluation.data}: {types.images} of {evaluation.images} images "
        f"are of a type that it tells; {len(evaluation.not_assessable)} not assessable, "
        f"{len(evaluation.unread)} not readable"
    )
    rows = [
        _row("likeliest type right", types.accuracy),
        _row("right type among the two likeliest", types.top_two_accuracy),
        _row("mean precision of the types", types.macro_precision),
        _row("mean recall of the types", types.macro_recall),
        _row("mean F1 of the types", types.macro_f1),
    ]
    print_table(("figure", "value", "interval"), rows)
    typer.echo(f"report: {folder / 'report.html'}")


def _summary_rows(evaluation: "Evaluation") -> Iterator[dict[str, Any]]:
    figures = evaluation.figures
    yield _row("AUROC", figures.auroc)
    for name, point in (("possible", figures.sensitive), ("fracture", figures.specific)):
        yield from _point_rows(name, point)
    yield _row("expected calibration error", figures.expected_calibration_error)
    yield _row("region right", figures.region_accuracy)
    yield _row("heatmap's peak in a true box", figures.heatmap_peak_in_box)


def _point_rows(name: str, point: "PointFigures") -> Iterator[dict[str, Any]]:
    yield _row(f"sensitivity, called {name}", point.sensitivity)
    yield _row(f"specificity, called {name}", point.specificity)


def _row(name: str, figure: "Interval | None") -> dict[str, Any]:
    from model.evaluation.wording import bare, span

    return {"figure": name, "value": bare(figure), "interval": span(figure)}


def _print_comparison(comparison: "Comparison", as_json: bool) -> None:
    from pydantic import TypeAdapter

    from cli.output import print_json
    from model.evaluation.comparison import Comparison
    from model.evaluation.comparison_text import describe

    if as_json:
        print_json(TypeAdapter(Comparison).dump_python(comparison, mode="json"))
    else:
        typer.echo(describe(comparison))
