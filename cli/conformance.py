"""The command that prints the tables of the conformance statement, or renews them in it."""

from pathlib import Path
from typing import Annotated

import typer

from cli.exits import Exit, Leave


def add_commands(app: typer.Typer) -> None:
    app.command()(conformance)


def conformance(
    write: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Renew the tables in this document.")
    ] = None,
    check: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Say which tables in it are not these.")
    ] = None,
) -> int:
    """Print the tables of the DICOM Conformance Statement, as of the settings in force."""
    tables = _tables_in_force()
    if write is not None:
        _renew(write, tables)
    elif check is not None:
        return _compare(check, tables)
    else:
        for name, content in tables.items():
            typer.echo(f"## {name}\n\n{content}")
    return Exit.DONE


def _tables_in_force() -> dict[str, str]:
    from cli.statement.tables import make_tables
    from logs import configure_logs
    from settings import load_settings

    settings = load_settings()
    # The listener that is asked for its answers is not the node's: nobody should read of it.
    configure_logs("error", "conformance")
    return make_tables(settings)


def _renew(document: Path, tables: dict[str, str]) -> None:
    from cli.statement.markdown import UnknownTable, filled

    try:
        document.write_text(filled(_text(document), tables))
    except UnknownTable as error:
        raise Leave(Exit.INPUT_UNREADABLE, f"{document}: {error}") from error
    except OSError as error:
        raise Leave(Exit.OUTPUT_UNWRITABLE, f"{document}: {error.strerror}") from error


def _compare(document: Path, tables: dict[str, str]) -> int:
    from cli.statement.markdown import UnknownTable, changed

    try:
        names = changed(_text(document), tables)
    except UnknownTable as error:
        raise Leave(Exit.INPUT_UNREADABLE, f"{document}: {error}") from error
    for name in names:
        typer.echo(f"{document}: the table {name} is not that of this node")
    return Exit.CHECK_FAILED if names else Exit.DONE


def _text(document: Path) -> str:
    try:
        return document.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise Leave(Exit.INPUT_UNREADABLE, f"{document} cannot be read") from error
