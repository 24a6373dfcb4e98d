"""The command that shows what is in a folder of labelled radiographs."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.exits import Exit, Leave

if TYPE_CHECKING:
    from model.datasets.data_set import DataSet

_COUNTED = ("splits", "regions", "types", "hardware", "views", "multiscan")


def add_commands(app: typer.Typer) -> None:
    app.command()(data)


def data(
    folder: Annotated[Path, typer.Argument(help="Folder of labelled radiographs.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
    duplicates: Annotated[
        bool, typer.Option("--duplicates", help="Look for images of one exposure too.")
    ] = False,
) -> int:
    """Show what a data set holds, what was left out and why, and what would leak."""
    from cli.output import print_json
    from model.datasets.report import describe

    data_set = _open(folder)
    report = describe(data_set)
    report["dropped"] = [
        {"file": _inside(folder, one.path), "reason": one.reason} for one in data_set.dropped
    ]
    report["duplicates"] = _duplicates(folder, data_set) if duplicates else None
    if as_json:
        print_json(report)
    else:
        _print(report)
    return Exit.DONE


def _open(folder: Path) -> "DataSet":
    from model.datasets.data_set import DataSetEmpty, DataSetRefused
    from model.datasets.reading import read_data_set

    try:
        return read_data_set(folder)
    except FileNotFoundError as error:
        raise Leave(Exit.INPUT_UNREADABLE, f"there is no folder {folder}") from error
    except DataSetEmpty as error:
        raise Leave(Exit.NOTHING_FOUND, str(error)) from error
    except DataSetRefused as error:
        raise Leave(Exit.INPUT_UNREADABLE, str(error)) from error


def _duplicates(folder: Path, data_set: "DataSet") -> dict[str, Any]:
    from model.datasets.report import describe_duplicates

    try:
        from model.datasets.duplicates import find_duplicates
    except ModuleNotFoundError as error:
        raise Leave(Exit.USAGE, f"--duplicates needs {error.name}: run `make setup`") from error
    pairs = find_duplicates(data_set.images)
    found: dict[str, Any] = dict(describe_duplicates(data_set.images, pairs))
    found["pairs"] = [
        {
            "first": _inside(folder, pair.first),
            "second": _inside(folder, pair.second),
            "copy": pair.copy.value,
            "correlation": pair.correlation,
        }
        for pair in pairs
    ]
    return found


def _inside(folder: Path, path: Path) -> str:
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)


def _print(report: dict[str, Any]) -> None:
    from cli.output import print_table

    groups = report["groups"]
    typer.echo(
        f"{report['name']}, layout {report['layout']}: {report['images']} images, "
        f"{report['fractured']} fractured, {report['with_boxes']} with boxes; "
        f"{groups['number']} groups, the largest of {groups['largest']} images, "
        f"{groups['in_several_splits']} of them in several splits"
    )
    print_table(("of", "which", "images", "fractured"), _counted(report))
    sides = [{"long side": label, **found} for label, found in report["long_sides"].items()]
    print_table(("long side", "least", "median", "most"), sides)
    reasons = Counter(one["reason"] for one in report["dropped"])
    if reasons:
        dropped = [{"dropped": reason, "files": n} for reason, n in reasons.most_common()]
        print_table(("dropped", "files"), dropped)
    if report["duplicates"] is not None:
        _print_duplicates(report["duplicates"])
    for note in report["notes"]:
        typer.echo(f"note: {note}")


def _counted(report: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"of": name, "which": which, **counts}
        for name in _COUNTED
        for which, counts in report[name].items()
    ]


def _print_duplicates(found: dict[str, Any]) -> None:
    from cli.output import print_table

    typer.echo(
        f"duplicates: {found['exact']} exact and {found['near']} near pairs; "
        f"{found['in_several_splits']} lie in several splits, "
        f"{found['in_several_groups']} in several groups, "
        f"{found['differently_labelled']} are labelled differently"
    )
    print_table(("first", "second", "copy", "correlation"), found["pairs"])
