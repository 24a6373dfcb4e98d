"""The command by which a hospital vouches for a classifier of its own."""

from pathlib import Path
from typing import Annotated

import typer

from cli.exits import Exit, Leave


def add_commands(app: typer.Typer) -> None:
    app.command()(sign)


def sign(
    folder: Annotated[Path, typer.Argument(help="The artefact's folder.")],
    key: Annotated[Path, typer.Option(help="PEM file of the private key (Ed25519).")],
) -> int:
    """Vouch for a classifier: nodes whose `model_keys` name the public key will load it."""
    from model.artefact import ARTEFACT_TROUBLE
    from model.signing import KeyUnusable, sign_artefact

    try:
        signature = sign_artefact(folder, key)
    except KeyUnusable as error:
        raise Leave(Exit.INPUT_UNREADABLE, str(error)) from error
    except ARTEFACT_TROUBLE as error:
        raise Leave(Exit.CLASSIFIER_UNUSABLE, str(error)) from error
    except OSError as error:
        raise Leave(Exit.OUTPUT_UNWRITABLE, f"{folder}: {error.strerror}") from error
    typer.echo(str(signature))
    return Exit.DONE
