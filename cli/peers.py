"""Commands that speak to other DICOM nodes, or make files for them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.exits import Exit, Leave

if TYPE_CHECKING:
    from dicom_node.outbox import FileOutcome
    from dicom_node.peer import Destination
    from settings import Settings

PeerArgument = Annotated[str, typer.Argument(metavar="AET@HOST:PORT", help="The peer.")]
TlsOption = Annotated[
    bool, typer.Option("--tls", help="Speak TLS; a peer whose settings say so is always called so.")
]


def add_commands(app: typer.Typer) -> None:
    for command in (echo, send, dicomize):
        app.command()(command)


def echo(
    peer: Annotated[
        str | None,
        typer.Argument(metavar="AET@HOST:PORT", help="The peer; none: this node's own listener."),
    ] = None,
    tls: TlsOption = False,
) -> int:
    """C-ECHO a peer; if it does not answer, say in plain words why and what to do."""
    from cli.node import read_settings
    from cli.reaching import own_listeners
    from dicom_node.echo import verify_peer

    settings = read_settings("echo")
    called = own_listeners(settings)
    if peer is not None:
        called = [destination_of(settings, peer, by_tls=tls)]
    with peer_trouble_explained():
        for one in called:
            verify_peer(one, calling_ae_title=settings.ae_title)
            typer.echo(f"{one} answers C-ECHO")
    return Exit.DONE


def send(
    peer: PeerArgument,
    paths: Annotated[list[Path], typer.Argument(help="DICOM files, or folders of them.")],
    tls: TlsOption = False,
) -> int:
    """C-STORE files to a peer; one line per file, and an exit code that says how it went."""
    from cli.node import read_settings
    from dicom_node.outbox import send_files

    settings = read_settings("send")
    exits = {Exit.DONE}
    called = destination_of(settings, peer, by_tls=tls)
    with peer_trouble_explained():
        for outcome in send_files(called, settings.ae_title, _files(paths)):
            exits.add(_exit_of(outcome))
            typer.echo(f"{outcome.path}: {outcome.said}")
    return max(exits)


def _exit_of(outcome: "FileOutcome") -> Exit:
    if not outcome.is_readable:
        return Exit.INPUT_UNREADABLE
    return Exit.DONE if outcome.stored else Exit.PEER_REFUSED


def dicomize(
    image: Annotated[Path, typer.Argument(help="A PNG or JPEG file.")],
    out: Annotated[Path, typer.Argument(help="The DICOM file to write.")],
    patient_id: Annotated[str, typer.Option(help="Patient ID to write.")] = "OSTEON-TEST",
    patient_name: Annotated[str, typer.Option(help="Patient's name.")] = "PHANTOM^RADIOGRAPH",
    accession_number: Annotated[str, typer.Option(help="Accession number.")] = "",
    region: Annotated[str | None, typer.Option(help="Body region, such as hand.")] = None,
) -> int:
    """Make a DICOM CR image of a PNG or JPEG, turned upright by its EXIF orientation."""
    from dicom_node.dicomize import ImageForm, write_dicom
    from dicom_node.dicomize import dicomize as make_dicom
    from dicom_node.examination import Examination, UnknownRegion, View
    from dicom_node.picture import UnusablePicture, read_picture

    examination = Examination(
        patient_id=patient_id, patient_name=patient_name, accession_number=accession_number
    )
    try:
        dataset = make_dicom(read_picture(image), examination, View(region), ImageForm())
        write_dicom(dataset, out)
    except UnknownRegion as error:
        raise typer.BadParameter(str(error)) from error
    except UnusablePicture as error:
        raise Leave(Exit.INPUT_UNREADABLE, f"{image}: {error}") from error
    except OSError as error:
        raise Leave(Exit.OUTPUT_UNWRITABLE, f"{out}: {error.strerror}") from error
    typer.echo(str(out))
    return Exit.DONE


@contextmanager
def peer_trouble_explained() -> Iterator[None]:
    """What is wrong with the peer ends the command with its sentence."""
    from dicom_node.peer import PeerRefused, PeerTrouble

    try:
        yield
    except PeerTrouble as trouble:
        code = Exit.PEER_REFUSED if isinstance(trouble, PeerRefused) else Exit.PEER_UNREACHABLE
        raise Leave(code, str(trouble)) from trouble


def destination_of(settings: "Settings", text: str, *, by_tls: bool = False) -> "Destination":
    """The peer that a user named; a usage error where the text names none."""
    from cli.reaching import as_named
    from remote_systems import PeerAddress

    try:
        return as_named(settings, PeerAddress.parse(text), by_tls=by_tls)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def _files(paths: list[Path]) -> list[Path]:
    """The files named, and those in the folders named, in a stable order."""
    files: list[Path] = []
    for path in paths:
        if not path.exists():
            raise Leave(Exit.INPUT_UNREADABLE, f"there is no {path}")
        inside = sorted(one for one in path.rglob("*") if one.is_file())
        files += inside if path.is_dir() else [path]
    return files
