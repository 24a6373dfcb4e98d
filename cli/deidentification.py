"""`osteon deidentify`: radiographs without the people in them, for training and for others."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.exits import Exit, Leave
from cli.results import AsJson

if TYPE_CHECKING:
    from dicom_node.deidentification.deidentify import PlainPixels
    from dicom_node.deidentification.pseudonyms import Pseudonyms
    from model.decoding.decoder import Decoder
    from model.stored_frame import StoredFrame
    from settings import Settings

KEY_NAME = "deidentification.key"
_MOST_FRAMES = 256


def add_commands(app: typer.Typer) -> None:
    app.command()(deidentify)


@dataclass(frozen=True)
class _Source:
    """A file by its name here, and where its bytes are."""

    name: str
    content: bytes


def deidentify(
    out: Annotated[Path, typer.Option(help="Folder of the files made, which is new or empty.")],
    source: Annotated[
        list[Path] | None, typer.Argument(help="DICOM files, and folders of them.")
    ] = None,
    study: Annotated[
        list[str] | None, typer.Option(help="A study of this node by its UID; may be repeated.")
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(help="File of the key of all pseudonyms; made if it is not there."),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Write radiographs of which nothing stays but what is known to be safe (PS3.15 Annex E)."""
    from cli.node import read_settings
    from cli.output import print_json
    from dicom_node.deidentification.pseudonyms import Pseudonyms
    from model.decoding.decoder import DecodeLimits, Decoder

    settings = read_settings("deidentify")
    if not source and not study:
        raise Leave(Exit.USAGE, "name files or folders, or a --study of this node")
    pseudonyms = Pseudonyms(read_key(settings, key, out))
    _make_folder(out)
    decoder = Decoder(DecodeLimits(settings.decode_seconds, settings.decode_memory_bytes))
    written = held_out = 0
    for one in _sources(settings, source or [], study or []):
        name, reason = _write(one, out / f"{written + 1:06}.dcm", pseudonyms, decoder)
        written, held_out = written + (not reason), held_out + bool(reason)
        if as_json:
            state = "held_out" if reason else "written"
            print_json({"file": one.name, "state": state, "as": name, "reason": reason})
        elif reason:
            typer.echo(f"{one.name}: held out: {reason}", err=True)
    decoder.close()
    if study:
        _note(written)
    typer.echo(f"{written} written to {out}, {held_out} held out", err=True)
    return Exit.DONE if written else Exit.NOTHING_FOUND


def read_key(settings: "Settings", key: Path | None, out: Path | None = None) -> bytes:
    """Of the file named, else of the data folder; made if there is none."""
    from dicom_node.deidentification.pseudonyms import KeyRefused, read_or_make_key

    path = (key or settings.data_dir / KEY_NAME).absolute()
    if out is not None and path.is_relative_to(out.absolute()):
        raise Leave(Exit.USAGE, "the key leads back to the patients: keep it out of the export")
    try:
        if key is None:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return read_or_make_key(path)
    except KeyRefused as refusal:
        raise Leave(Exit.USAGE, str(refusal)) from refusal
    except OSError as error:
        raise Leave(Exit.OUTPUT_UNWRITABLE, f"{path}: {error.strerror}") from error


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        if any(out.iterdir()):
            raise Leave(Exit.OUTPUT_UNWRITABLE, f"{out} is not empty: name a new folder")
    except OSError as error:
        raise Leave(Exit.OUTPUT_UNWRITABLE, f"{out}: {error.strerror}") from error


def _sources(settings: "Settings", places: list[Path], studies: list[str]) -> Iterator[_Source]:
    from cli.radiograph_files import find_files

    for path in find_files(places):
        try:
            yield _Source(str(path), path.read_bytes())
        except OSError as error:
            raise Leave(Exit.INPUT_UNREADABLE, f"{path}: {error.strerror}") from error
    for study in studies:
        yield from _of_study(settings, study)


def _of_study(settings: "Settings", study: str) -> Iterator[_Source]:
    """Its images that count and are still there; one that may mix two patients stays here."""
    from cli.assembly import build_spool
    from cli.ledger import open_ledger_session
    from db.results import study_results
    from db.study_images import study_images
    from dicom_node.spool import SpoolError

    spool = build_spool(settings)
    with open_ledger_session("deidentify") as session:
        is_blocked = any(one["state"] == "blocked" for one in study_results(session, study))
        images = [one for one in study_images(session, study) if one.purged_at is None]
    if is_blocked or not images:
        why = "it is blocked" if is_blocked else "there is no image of it here"
        raise Leave(Exit.NOTHING_FOUND, f"{study}: {why}")
    for image in images:
        try:
            with spool.open(image.spool_key) as file:
                yield _Source(image.sop_instance_uid, file.read())
        except SpoolError as error:
            typer.echo(f"{image.sop_instance_uid}: {error}", err=True)


def _write(
    source: _Source, path: Path, pseudonyms: "Pseudonyms", decoder: "Decoder"
) -> tuple[str | None, str | None]:
    """The name of the file made, or the reason why there is none."""
    from dicom_node.deidentification.deidentify import (
        HeldOut,
        deidentify,
        read_source,
        require_radiograph,
    )
    from dicom_node.header_reading import NotUnderstood
    from model.decoding.decoder import DecoderKilled
    from model.not_assessable import NotAssessable

    try:
        header = read_source(BytesIO(source.content))
        require_radiograph(header)
        encoded = deidentify(header, _plain_pixels(source.content, decoder), pseudonyms)
    except (HeldOut, NotAssessable, NotUnderstood, DecoderKilled) as reason:
        return None, str(reason)
    with _writing(path):
        path.write_bytes(encoded)
    return path.name, None


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Leave(Exit.OUTPUT_UNWRITABLE, f"{path}: {error.strerror}") from error


def _plain_pixels(content: bytes, decoder: "Decoder") -> "PlainPixels":
    """Every frame's values; raises HeldOut where one of them may have text in it."""
    from dicom_node.deidentification.deidentify import HeldOut, PlainPixels
    from model.burned_in_text import find_text

    first = decoder.stored_frame(content)
    if first.description.frames > _MOST_FRAMES:
        raise HeldOut(f"more than {_MOST_FRAMES} frames")
    numbers = range(2, first.description.frames + 1)
    frames = [first, *(decoder.stored_frame(content, number) for number in numbers)]
    grey = first.description.greyscale
    if grey is None:
        raise HeldOut("in colours, which no detector makes")
    if any(find_text(frame.pixels) for frame in frames):
        raise HeldOut("may have text in its pixels")
    return PlainPixels(
        frames=[frame.pixels.tobytes() for frame in _alike(frames)],
        rows=first.description.rows,
        columns=first.description.columns,
        bits_allocated=8 * first.pixels.itemsize,
        bits_stored=_bits_stored(frames),
        is_signed=grey.is_signed,
        is_inverse=first.description.photometric_interpretation == "MONOCHROME1",
        padding=None if grey.padding is None else (grey.padding.lowest, grey.padding.highest),
        rescale_slope=grey.rescale_slope,
        rescale_intercept=grey.rescale_intercept,
    )


def _bits_stored(frames: "list[StoredFrame]") -> int:
    every = [frame.description.greyscale for frame in frames]
    return max(grey.bits_stored for grey in every if grey is not None)


def _alike(frames: "list[StoredFrame]") -> "list[StoredFrame]":
    from dicom_node.deidentification.deidentify import HeldOut

    if len({(frame.pixels.shape, frame.pixels.dtype) for frame in frames}) > 1:
        raise HeldOut("its frames are of several kinds")
    return frames


def _note(written: int) -> None:
    from cli.acting import command_event
    from cli.ledger import open_ledger_session
    from db.audit import Action, record_event

    detail = f"{written} images, de-identified"
    with open_ledger_session("deidentify") as session:
        record_event(session, command_event(Action.STUDIES_EXPORTED, detail=detail))
