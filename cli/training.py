"""The command that trains a classifier."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.exits import Exit, Leave, missing_files_named

if TYPE_CHECKING:
    from model.training.recipes import Recipe


def add_commands(app: typer.Typer) -> None:
    app.command()(train)


def train(
    data: Annotated[Path, typer.Option(help="Folder of a data set.")],
    out: Annotated[Path, typer.Option(help="Folder for the checkpoints and the artefact.")],
    recipe: Annotated[str, typer.Option(help="What to train, by its name.")] = "shipped",
    start_weights: Annotated[
        Path | None, typer.Option(help="Folder of the trunks' start weights, if not from nothing.")
    ] = None,
    type_data: Annotated[
        Path | None, typer.Option(help="Folder of images of known fracture types, if told apart.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Epochs, if not the recipe's.")] = None,
    version: Annotated[str, typer.Option(help="Version the artefact will bear.")] = "0.0.0",
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint.")] = False,
) -> int:
    """Train a network, calibrate it and write its artefact; needs torch (`make setup`)."""
    from cli.node import read_settings

    settings = read_settings("train")
    try:
        from model.training.run import TrainingRun
        from model.training.train import train as run_training
    except ModuleNotFoundError as error:
        raise Leave(Exit.USAGE, f"training needs {error.name}: run `make setup`") from error
    run = TrainingRun(
        data=data,
        start_weights=start_weights,
        recipe=_recipe(recipe, epochs),
        out=out,
        version=version,
        resume=resume,
        device=_training_device(settings.device),
        type_data=type_data,
    )
    with missing_files_named(), _refusals_named():
        typer.echo(str(run_training(run)))
    return Exit.DONE


@contextmanager
def _refusals_named() -> Iterator[None]:
    from model.datasets.data_set import DataSetRefused
    from model.networks.trunks import StartWeightsUnfit, TrunkWithoutMaps, UnknownTrunk
    from model.training.checkpoint import CheckpointUnfit
    from model.training.fitting import StartWeightsUntold
    from model.training.material import TypeDataMissing

    try:
        yield
    except (TypeDataMissing, StartWeightsUntold, CheckpointUnfit) as refusal:
        raise Leave(Exit.USAGE, str(refusal)) from refusal
    except (UnknownTrunk, TrunkWithoutMaps) as refusal:
        raise Leave(Exit.USAGE, str(refusal)) from refusal
    except (DataSetRefused, StartWeightsUnfit) as refusal:
        raise Leave(Exit.INPUT_UNREADABLE, str(refusal)) from refusal


def _recipe(name: str, epochs: int | None) -> "Recipe":
    from dataclasses import replace

    from model.training.recipes import RECIPES

    if name not in RECIPES:
        raise typer.BadParameter(f"no recipe {name!r}; there are: {', '.join(sorted(RECIPES))}")
    recipe = RECIPES[name]
    return recipe if epochs is None else replace(recipe, epochs=epochs)


def _training_device(device: str) -> str:
    import torch

    if device != "auto":
        return device
    return "cuda" if torch.cuda.is_available() else "cpu"
