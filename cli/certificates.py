"""Commands for trials of TLS: certificates of an authority that a folder is."""

import re
from pathlib import Path
from typing import Annotated

import typer

from cli.exits import Exit, Leave

# It becomes a file's name and a common name.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_RESERVED = ("authority", "revoked")
NameArgument = Annotated[str, typer.Argument(help="Name of the node: the file's, and the subject.")]
FolderOption = Annotated[Path, typer.Option(help="Folder of the trial authority.")]


def add_commands(app: typer.Typer) -> None:
    peers = typer.Typer(help="Certificates for trials of TLS.", no_args_is_help=True)
    peers.command()(certificate)
    peers.command()(revoke)
    app.add_typer(peers, name="peers")


def certificate(
    name: NameArgument,
    folder: FolderOption = Path("certificates"),
    host: Annotated[
        list[str] | None, typer.Option(help="Host name or address it is of; may be repeated.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=3650, help="How long it holds.")] = 365,
) -> int:
    """Make a certificate for trials of TLS, and its authority where there is none yet."""
    from dicom_node.trial_authority import AlreadyThere, NotOurs, TrialAuthority

    _require_name(name)
    authority = TrialAuthority(folder)
    try:
        is_new = authority.ensure()
        made, key = authority.certify(name, host or (), days)
    except AlreadyThere as refusal:
        raise Leave(Exit.OUTPUT_UNWRITABLE, f"{refusal}; nothing is overwritten") from refusal
    except NotOurs as refusal:
        raise Leave(Exit.INPUT_UNREADABLE, str(refusal)) from refusal
    except OSError as error:
        raise Leave(Exit.OUTPUT_UNWRITABLE, f"{folder}: {error.strerror}") from error
    if is_new:
        typer.echo("A new authority, for trials: in service use the hospital's own PKI.", err=True)
    typer.echo(f'tls_certificate = "{made.absolute()}"')
    typer.echo(f'tls_key = "{key.absolute()}"')
    typer.echo(f'tls_authorities = "{authority.certificate.absolute()}"')
    typer.echo(f'tls_revocations = "{authority.revocations.absolute()}"')
    typer.echo(f'# in the table of this node as a peer: certificate = "CN={name}"')
    return Exit.DONE


def revoke(name: NameArgument, folder: FolderOption = Path("certificates")) -> int:
    """Put a certificate made by `osteon peers certificate` on its authority's revocation list."""
    from dicom_node.trial_authority import NotOurs, TrialAuthority

    _require_name(name)
    try:
        TrialAuthority(folder).revoke(name)
    except NotOurs as refusal:
        raise Leave(Exit.INPUT_UNREADABLE, str(refusal)) from refusal
    except OSError as error:
        raise Leave(Exit.OUTPUT_UNWRITABLE, f"{folder}: {error.strerror}") from error
    typer.echo(f"{name} is on {folder / 'revoked.pem'}: listeners look there at each connection")
    return Exit.DONE


def _require_name(name: str) -> None:
    if not _NAME.fullmatch(name) or name.lower() in _RESERVED:
        raise typer.BadParameter(f"{name!r} is no name of a node: letters, digits, . _ -")
