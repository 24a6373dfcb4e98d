"""The command that writes a network in another format."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.artefacts import find_artefact
from cli.exits import Exit, Leave
from model.exporting.kind import Format, Kind, NotOffered, Rounding

if TYPE_CHECKING:
    from model.exporting.export import Export
    from model.exporting.parity import Parity

_COLUMNS = ("on", "images", "logit", "probability", "states", "AUROC")


def add_commands(app: typer.Typer) -> None:
    app.command()(export)


def export(
    out: Annotated[Path, typer.Option(help="Folder to write: new, or empty.")],
    to: Annotated[Format, typer.Option("--format", help="What to write.")],
    model: Annotated[Path | None, typer.Option(help="An artefact, if not the one set.")] = None,
    precision: Annotated[
        Rounding, typer.Option(help="Numbers it is run with; other than fp32: openvino alone.")
    ] = Rounding.FP32,
    data: Annotated[
        Path | None, typer.Option(help="Labelled radiographs to compare the answers on, too.")
    ] = None,
    split: Annotated[str, typer.Option(help="Which part of them.")] = "val",
) -> int:
    """Write the network for other programs, if it answers there as it does here."""
    from cli.measuring import labelled_images, training_packages_there

    with training_packages_there(), _refusals_explained(out):
        from model.exporting.export import export_artefact

        kind = Kind(to, precision)
        artefact = find_artefact(model)
        images = labelled_images(data, split) if data is not None else []
        _print(export_artefact(artefact, kind, out, images))
    return Exit.DONE


@contextmanager
def _refusals_explained(out: Path) -> Iterator[None]:
    from model.exporting.export import ExportDisagrees, OutputTaken
    from model.not_assessable import NotAssessable

    try:
        yield
    except NotOffered as error:
        raise Leave(Exit.USAGE, str(error)) from error
    except NotAssessable as error:
        raise Leave(Exit.INPUT_UNREADABLE, str(error)) from error
    except ExportDisagrees as error:
        raise Leave(Exit.CHECK_FAILED, str(error)) from error
    except OutputTaken as error:
        raise Leave(Exit.OUTPUT_UNWRITABLE, str(error)) from error
    except OSError as error:
        raise Leave(Exit.OUTPUT_UNWRITABLE, f"{out}: {error.strerror}") from error


def _print(written: "Export") -> None:
    from cli.output import print_table

    typer.echo(f"{written.folder}: {', '.join(written.files)}")
    typer.echo("Largest change of a logit and a probability, share of states changed, AUROC lost:")
    print_table(_COLUMNS, [_row(found) for found in written.found])


def _row(found: "Parity") -> dict[str, object]:
    return {
        "on": found.on,
        "images": found.images,
        "logit": f"{found.max_logit_change:.4f}",
        "probability": f"{found.max_probability_change:.4f}",
        "states": f"{found.state_changes:.4f}",
        "AUROC": None if found.auroc_loss is None else f"{found.auroc_loss:+.4f}",
    }
