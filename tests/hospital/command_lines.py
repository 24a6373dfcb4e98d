"""Command lines as `osteon` reads them, without doing what they say."""

from collections.abc import Sequence

import typer
from typer.core import TyperGroup

from cli import app


def make_context(words: Sequence[str]) -> None:
    """Raises where there is no such command, or not with these options."""
    command, arguments = typer.main.get_command(app), list(words)
    while isinstance(command, TyperGroup):
        command = command.commands[arguments.pop(0)]
    command.make_context(command.name, arguments)
