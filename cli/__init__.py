"""The `osteon` command. Bodies are imported inside the commands, so that --help is instant."""

import sys

import click
import typer

from cli import classifier, ledger, node, peers
from cli.exits import Exit, Leave
from settings import SettingsRefused

app = typer.Typer(
    name="osteon",
    help="A fracture-detection node beside a PACS. Research use only – not for clinical diagnosis.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for room in (node, classifier, peers, ledger):
    room.add_commands(app)


def main() -> None:
    """Entry point of the console script; see `cli.exits` for the exit codes."""
    try:
        outcome = app(standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as help_wanted:
        help_wanted.show()
        sys.exit(Exit.USAGE)
    except click.ClickException as error:
        error.show()
        sys.exit(Exit.USAGE)
    except SettingsRefused as error:
        typer.echo(f"osteon: {error}", err=True)
        sys.exit(Exit.USAGE)
    except Leave as leaving:
        typer.echo(f"osteon: {leaving}", err=True)
        sys.exit(leaving.code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    sys.exit(outcome if isinstance(outcome, int) else Exit.DONE)
