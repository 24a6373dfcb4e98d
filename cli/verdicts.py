"""`osteon verdicts`: what readers said of the findings, and the labels that makes."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.exits import Exit, Leave
from cli.ledger import open_ledger_session
from cli.results import AsCsv, AsJson

if TYPE_CHECKING:
    from db.verdict_labels import Label, LabelExport
    from dicom_node.spool import Spool
    from model.radiograph import Radiograph

_TABLE = (
    *("given_at", "study_instance_uid", "reader", "opinion", "counts"),
    *("finding", "corrected_finding", "comment"),
)


def add_commands(app: typer.Typer) -> None:
    app.command()(verdicts)


def verdicts(
    study: Annotated[str | None, typer.Option(help="Only this Study Instance UID.")] = None,
    export_labels: Annotated[
        Path | None,
        typer.Option(
            "--export-labels", help="Write a data set to train with to this folder, which is made."
        ),
    ] = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> int:
    """Show what readers said of the findings, oldest first, or make a data set of it."""
    from cli.acting import command_event
    from cli.output import print_csv, print_json, print_table
    from db.audit import Action, record_event
    from db.verdicts import VERDICT_COLUMNS, list_verdicts, verdict_row, verdicts_of_study

    if export_labels is not None:
        return _export(export_labels)
    with open_ledger_session("verdicts") as session:
        record_event(session, command_event(Action.VERDICTS_VIEWED, study_instance_uid=study))
        given = list_verdicts(session) if study is None else verdicts_of_study(session, study)
    rows = [verdict_row(one) for one in reversed(given)]
    if as_json:
        for row in rows:
            print_json(row)
    elif as_csv:
        print_csv(VERDICT_COLUMNS, rows)
    else:
        print_table(_TABLE, rows)
    return Exit.NOTHING_FOUND if study is not None and not rows else Exit.DONE


def _export(folder: Path) -> int:
    """labels.csv and the pictures it names, as `osteon train --data` reads them."""
    from cli.acting import command_event
    from cli.assembly import build_spool
    from cli.node import read_settings
    from db.audit import Action, record_event
    from db.verdict_labels import training_labels

    with open_ledger_session("verdicts") as session:
        found = training_labels(session)
        detail = f"{len(found.labels)} labels"
        record_event(session, command_event(Action.LABELS_EXPORTED, detail=detail))
    spool = build_spool(read_settings("verdicts"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise Leave(Exit.OUTPUT_UNWRITABLE, f"{folder} is not empty: name a new folder")
        written = _write(folder, found, spool)
    except OSError as error:
        raise Leave(Exit.OUTPUT_UNWRITABLE, f"{folder}: {error.strerror}") from error
    for reason, images in sorted(found.left_out.items()):
        typer.echo(f"{images} left out: {reason}", err=True)
    typer.echo(f"{written} images labelled in {folder}", err=True)
    return Exit.DONE if written else Exit.NOTHING_FOUND


def _write(folder: Path, found: "LabelExport", spool: "Spool") -> int:
    """How many images are in the table; why one is not is counted with the others."""
    from collections import Counter

    from PIL import Image

    from db.result_formats import csv_line
    from db.verdict_labels import LABEL_COLUMNS
    from dicom_node.spool import SpoolError
    from model.not_assessable import NotAssessable

    (folder / "images").mkdir()
    columns = ("file", *LABEL_COLUMNS)
    lines, left_out, written = [csv_line(columns)], Counter(found.left_out), 0
    for label in found.labels:
        try:
            picture = _picture(label, spool)
        except (NotAssessable, SpoolError) as problem:
            left_out[str(problem)] += 1
            continue
        written += 1
        # Numbered: a UID leads back to the study.
        file = f"images/{written:06}.png"
        Image.fromarray(picture.to_bytes()).save(folder / file)
        rows = (row | {"file": file} for row in label.rows())
        lines += [csv_line(row[column] for column in columns) for row in rows]
    (folder / "labels.csv").write_text("".join(lines), encoding="utf-8", newline="")
    found.left_out.update(left_out)
    return written


def _picture(label: "Label", spool: "Spool") -> "Radiograph":
    """The frame that was judged, as the network sees it.

    NotAssessable where a PNG would lie, or may show who the patient is.
    """
    from model.burned_in_text import find_text
    from model.not_assessable import NotAssessable
    from model.radiograph import read_dicom

    with spool.open(label.spool_key) as stream:
        frames = read_dicom(stream)
    judged = [one for one in frames if one.frame == label.frame]
    if not judged:
        raise NotAssessable("the frame that was judged is not among those that are read")
    if judged[0].pixel_aspect != 1.0:
        raise NotAssessable("its pixels are not square, which a PNG cannot say")
    if find_text(judged[0].to_bytes()):
        raise NotAssessable("it may have text in its pixels")
    return judged[0]
