"""`osteon backup` and `osteon restore`: the ledger and its files, encrypted, and the way back."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from cli.exits import Exit, Leave

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from db.audit import Action
    from db.backup.contents import BackupEnd
    from db.backup.restoring import Restored
    from db.backup.writing import BackupPlan
    from dicom_node.spool import FileSpool
    from settings import Settings

_MEGABYTE = 1_000_000
_WHO_IS_BACK = "whoever was forgotten since then is back: osteon forgotten --again LIST"


def add_commands(app: typer.Typer) -> None:
    app.command("backup")(backup)
    app.command("backup-key")(backup_key)
    app.command("restore")(restore)


def backup_key(
    out: Annotated[Path, typer.Option(help="File of the secret key; keep it off this machine.")],
) -> None:
    """Make a key that opens backups, and print the recipient that backups are made for."""
    import os

    from db.backup.encryption import new_identity

    secret, recipient = new_identity()
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise Leave(Exit.OUTPUT_UNWRITABLE, f"{out}: {error.strerror}") from error
    with os.fdopen(descriptor, "w") as file:
        file.write(f"# recipient: {recipient}\n{secret}\n")
    typer.echo(recipient)


def backup(
    out: Annotated[Path, typer.Option(help="File of the backup; it must not be there yet.")],
    recipient: Annotated[list[str], typer.Option(help="Who can open it (age1…); may be repeated.")],
    since: Annotated[
        Path | None,
        typer.Option(help="The .files of an earlier backup, whose files are left out."),
    ] = None,
) -> int:
    """Save the ledger and the files it names, encrypted, while the node goes on."""
    from cli.assembly import ledger_trouble_explained, open_node_ledger
    from cli.node import read_settings
    from db.audit import Action
    from db.backup.writing import write_backup

    settings = read_settings("backup")
    if out.exists():
        raise Leave(Exit.OUTPUT_UNWRITABLE, f"{out} is there already")
    engine = open_node_ledger(settings)
    with ledger_trouble_explained(), _trouble_explained():
        end = write_backup(_plan(settings, engine, recipient, since), out)
    _note(engine, Action.BACKUP_MADE, f"{end.files} files")
    _tell_of_backup(out, end)
    return Exit.CHECK_FAILED if end.gone or end.damaged else Exit.DONE


def restore(
    backups: Annotated[list[Path], typer.Argument(help="A backup and all it builds upon.")],
    identity: Annotated[Path, typer.Option(help="File of the key that opens them.")],
    into: Annotated[Path, typer.Option(help="The new node's data folder; empty, or made.")],
    forgotten: Annotated[
        Path | None, typer.Option(help="A list by `osteon forgotten`: forget those again.")
    ] = None,
) -> int:
    """Bring back a node's ledger and spool from a backup; the node must not run."""
    from cli.assembly import build_spool, ledger_trouble_explained, open_node_ledger
    from cli.forgetting import forget_again, read_forgotten
    from cli.node import read_settings
    from db.audit import Action
    from db.backup.encryption import read_identities
    from db.backup.restoring import RestorePlan
    from db.backup.restoring import restore as bring_back

    settings = read_settings("restore", data_dir=into)
    to_forget = None if forgotten is None else read_forgotten(forgotten)
    with ledger_trouble_explained(), _trouble_explained():
        plan = RestorePlan(
            backups=backups,
            identities=read_identities(identity),
            folder=into,
            database_url=settings.ledger_url,
            spool=_Refilled(into.absolute() / "spool"),
        )
        restored = bring_back(plan)
    engine = open_node_ledger(settings)
    _note(engine, Action.BACKUP_RESTORED, f"made at {restored.head.made_at}")
    if to_forget is not None:
        with ledger_trouble_explained():
            forget_again(engine, build_spool(settings), to_forget, is_at_rest=True)
    engine.dispose()
    _tell_of_restored(restored, into)
    if to_forget is None:
        typer.echo(_WHO_IS_BACK, err=True)
    return Exit.CHECK_FAILED if restored.gone or restored.damaged else Exit.DONE


def _plan(
    settings: "Settings", engine: "Engine", recipients: list[str], since: Path | None
) -> "BackupPlan":
    from cli.assembly import build_spool
    from db.backup.writing import BackupPlan
    from dicom_node.results.equipment import product_version
    from settings import config_file

    spool = build_spool(settings)
    return BackupPlan(
        engine=engine,
        open_file=lambda key: _open(spool, key),
        recipients=tuple(recipients),
        release=product_version(),
        data_folder=settings.data_dir.absolute(),
        settings_file=config_file() if config_file().is_file() else None,
        since=since,
    )


def _open(spool: "FileSpool", key: str) -> BinaryIO:
    from db.backup.writing import FileGone
    from dicom_node.spool import ObjectGone

    try:
        return spool.open(key)
    except ObjectGone as error:
        raise FileGone from error


@dataclass
class _Refilled:
    """The new node's spool, while it is filled; its folders are made when the first file comes."""

    root: Path

    def keep(self, pieces: Iterator[bytes]) -> str:
        incoming = self._spool.begin()
        try:
            for piece in pieces:
                incoming.write(piece)
            return incoming.keep().key
        finally:
            incoming.discard()

    def remove(self, key: str) -> None:
        self._spool.remove(key)

    @cached_property
    def _spool(self) -> "FileSpool":
        from dicom_node.spool import FileSpool

        return FileSpool(self.root)


@contextmanager
def _trouble_explained() -> Iterator[None]:
    from db.backup.contents import BackupUnreadable, BackupUnsuitable, RecipientRefused
    from dicom_node.spool import SpoolError

    try:
        yield
    except BackupUnreadable as error:
        raise Leave(Exit.INPUT_UNREADABLE, f"the backup cannot be read: {error}") from error
    except (BackupUnsuitable, RecipientRefused) as error:
        raise Leave(Exit.USAGE, str(error)) from error
    except FileNotFoundError as error:
        raise Leave(Exit.INPUT_UNREADABLE, f"there is no {error.filename}") from error
    except SpoolError as error:
        raise Leave(Exit.OUTPUT_UNWRITABLE, f"the spool: {error}") from error
    except OSError as error:
        place = error.filename or "the backup"
        raise Leave(Exit.OUTPUT_UNWRITABLE, f"{place}: {error.strerror or error}") from error


def _note(engine: "Engine", action: "Action", detail: str) -> None:
    from cli.acting import note_command
    from cli.assembly import ledger_trouble_explained

    with ledger_trouble_explained():
        note_command(engine, action, detail=detail)


def _tell_of_backup(out: Path, end: "BackupEnd") -> None:
    size = out.stat().st_size / _MEGABYTE
    before = f", {end.files_before} in the earlier backup" if end.files_before else ""
    typer.echo(f"{out}: {end.files} files{before}, {size:.1f} MB", err=True)
    _tell_of_lacking(end.gone, end.damaged)


def _tell_of_restored(restored: "Restored", into: Path) -> None:
    typer.echo(f"{into}: {restored.files} files, as of {restored.head.made_at}", err=True)
    _tell_of_lacking(restored.gone, restored.damaged)


def _tell_of_lacking(gone: list[str], damaged: list[str]) -> None:
    if gone:
        typer.echo(f"{len(gone)} files were no longer in the spool", err=True)
    if damaged:
        typer.echo(f"{len(damaged)} files were damaged on the disk: {damaged[0]} …", err=True)
