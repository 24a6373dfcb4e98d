"""The `osteon` command. Bodies are imported inside the commands, so that --help is instant."""

import sys

import typer

from cli import (
    accounts,
    auditing,
    backup,
    certificates,
    conformance,
    datasets,
    deidentification,
    evaluation,
    exporting,
    fetching,
    forgetting,
    gateway,
    keeping,
    ledger,
    node,
    peers,
    prediction,
    rules,
    self_testing,
    signing,
    training,
    verdicts,
    window,
    withdrawal,
)
from cli.core_dumps import forbid_core_dumps
from cli.exits import Exit, Leave
from settings import SettingsRefused

app = typer.Typer(
    name="osteon",
    help="A fracture-detection node beside a PACS. Research use only – not for clinical diagnosis.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
_ROOMS = (
    node,
    window,
    accounts,
    auditing,
    prediction,
    training,
    datasets,
    evaluation,
    exporting,
    peers,
    certificates,
    fetching,
    gateway,
    ledger,
    verdicts,
    rules,
    self_testing,
    signing,
    withdrawal,
    keeping,
    forgetting,
    backup,
    deidentification,
    conformance,
)
for room in _ROOMS:
    room.add_commands(app)

_INTERRUPTED = 130


def main() -> None:
    """Entry point of the console script; see `cli.exits` for the exit codes."""
    forbid_core_dumps()
    try:
        outcome = app(standalone_mode=False)
    except typer.TyperException as error:
        error.show()  # type: ignore[attr-defined]
        sys.exit(Exit.USAGE)
    except SettingsRefused as error:
        _leave(Exit.USAGE, error)
    except Leave as leaving:
        _leave(leaving.code, leaving)
    except (typer.Abort, KeyboardInterrupt):
        sys.exit(_INTERRUPTED)
    sys.exit(outcome if isinstance(outcome, int) else Exit.DONE)


def _leave(code: Exit, error: Exception) -> None:
    typer.echo(f"osteon: {error}", err=True)
    sys.exit(code)
