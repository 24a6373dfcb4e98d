"""`osteon forget`: everything that the node has of a patient goes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.exits import Exit, Leave

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from db.forgetting import ForgottenPatient, Patient
    from dicom_node.keeping.forgetting import PatientTraces
    from dicom_node.spool import FileSpool

_BUSY = "a worker, or a transfer, still holds something of it: run this again"
# What a person has to know before and after, since no command reaches it.
_NOT_REACHED = (
    "What was sent to a PACS or another destination stays there: have it removed there.",
    "Backups still hold it: see docs/retention.md for what to do after one is restored.",
    "The audit trail keeps the Study Instance UIDs, and who saw them.",
)


def add_commands(app: typer.Typer) -> None:
    app.command()(forget)
    app.command()(forgotten)


def forget(
    patient_id: Annotated[str, typer.Argument(help="Patient ID, as the PACS has it.")],
    issuer: Annotated[
        str | None, typer.Option(help="Issuer of Patient ID, where several issue the same.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before it is done.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> int:
    """Remove all of a patient: images, results, verdicts, work and rows, from disk and database."""
    from cli.acting import command_actor
    from cli.assembly import build_spool, ledger_trouble_explained, open_node_ledger
    from cli.node import read_settings
    from db.forgetting import Patient
    from dicom_node.keeping.forgetting import forget as forget_all

    settings = read_settings("forget")
    ledger, spool = open_node_ledger(settings), build_spool(settings)
    patient = Patient(patient_id.strip(), None if issuer is None else issuer.strip())
    if not patient.patient_id:
        raise Leave(Exit.USAGE, "a patient without an ID cannot be told from others")
    with ledger_trouble_explained():
        traces = _find(ledger, spool, patient)
        if traces.is_empty:
            return _finish(ledger, spool, patient, only_look=dry_run)
        if dry_run or not yes:
            _tell(traces, done=False, as_json=as_json)
        if dry_run:
            return Exit.DONE
        if not yes and not typer.confirm("Remove all of this for good?", err=as_json):
            raise typer.Abort
        with _refusals_explained():
            forget_all(ledger, spool, traces, person=command_actor())
    _tell(traces, done=True, as_json=as_json)
    return Exit.DONE


def forgotten(
    again: Annotated[
        Path | None, typer.Option(help="A list that this command printed: forget those again.")
    ] = None,
) -> int:
    """List who was forgotten, as salted hashes; keep the list where a restore does not reach it."""
    from dataclasses import asdict

    from cli.assembly import build_spool, ledger_trouble_explained, open_node_ledger
    from cli.node import read_settings
    from cli.output import print_json
    from db.forgetting import forgotten_patients
    from db.session import reading

    settings = read_settings("forgotten")
    ledger = open_node_ledger(settings)
    with ledger_trouble_explained():
        if again is not None:
            forget_again(ledger, build_spool(settings), read_forgotten(again))
            return Exit.DONE
        with reading(ledger) as session:
            for one in forgotten_patients(session):
                print_json(asdict(one))
    return Exit.DONE


def read_forgotten(file: Path) -> "list[ForgottenPatient]":
    """The list that `osteon forgotten` printed."""
    import json
    from datetime import datetime

    from cli.exits import missing_files_named
    from db.forgetting import ForgottenPatient

    with missing_files_named():
        lines = file.read_text(encoding="utf-8").splitlines()
    try:
        rows = [json.loads(line) for line in lines if line.strip()]
        return [
            ForgottenPatient(
                **(row | {"forgotten_at": datetime.fromisoformat(row["forgotten_at"])})
            )
            for row in rows
        ]
    except (ValueError, TypeError, KeyError) as error:
        sentence = f"{file} is no list that `osteon forgotten` printed"
        raise Leave(Exit.INPUT_UNREADABLE, sentence) from error


def forget_again(
    ledger: "Engine",
    spool: "FileSpool",
    known: "list[ForgottenPatient]",
    *,
    is_at_rest: bool = False,
) -> None:
    """`is_at_rest`: nobody writes into the spool meanwhile."""
    from cli.acting import command_actor
    from dicom_node.keeping.forgetting import SETTLED_SECONDS, reapply_forgettings

    settled_seconds = 0.0 if is_at_rest else SETTLED_SECONDS
    with _refusals_explained():
        patients = reapply_forgettings(
            ledger, spool, known, person=command_actor(), settled_seconds=settled_seconds
        )
    typer.echo(f"{patients} patients forgotten again")


def _find(ledger: "Engine", spool: "FileSpool", patient: "Patient") -> "PatientTraces":
    from dicom_node.keeping.forgetting import PatientHeld, SeveralIssuers, find_traces

    try:
        traces = find_traces(ledger, spool, patient)
    except SeveralIssuers as error:
        raise Leave(Exit.USAGE, f"several issuers gave this ID ({error}): say --issuer") from error
    except PatientHeld as error:
        sentence = f"nothing was removed, these studies are held: {error}"
        raise Leave(Exit.CHECK_FAILED, sentence) from error
    return traces


def _finish(ledger: "Engine", spool: "FileSpool", patient: "Patient", *, only_look: bool) -> int:
    """No row is left; files and remains may be, where the command was stopped before its end."""
    from db.forgetting import was_forgotten
    from db.session import reading
    from dicom_node.keeping.forgetting import finish_forgetting

    with reading(ledger) as session:
        is_known = was_forgotten(session, patient)
    if only_look or not is_known:
        raise Leave(Exit.NOTHING_FOUND, "the node has nothing of this patient")
    with _refusals_explained():
        finish_forgetting(ledger, spool)
    typer.echo("forgotten before; what may have been left on the disk is gone", err=True)
    return Exit.DONE


@contextmanager
def _refusals_explained() -> Iterator[None]:
    from dicom_node.keeping.forgetting import PatientHeld, StillWorkedOn

    try:
        yield
    except PatientHeld as error:
        raise Leave(Exit.CHECK_FAILED, f"these studies are held: {error}") from error
    except StillWorkedOn as error:
        raise Leave(Exit.CHECK_FAILED, _BUSY) from error


def _tell(traces: "PatientTraces", *, done: bool, as_json: bool) -> None:
    """Counts and UIDs; the patient is named by whoever typed the command, and by nothing here."""
    from dataclasses import asdict

    from cli.output import print_json

    uids = [study.study_instance_uid for study in traces.studies]
    mixed = [study.study_instance_uid for study in traces.mixed]
    if as_json:
        told = {"done": done, "studies": uids, "mixed_studies": mixed, "rows": asdict(traces.rows)}
        print_json(told | {"kept_apart": len(traces.apart), "unreadable": traces.unreadable})
        return
    for name, number in asdict(traces.rows).items():
        typer.echo(f"{name.replace('_', ' ')}: {number} {'removed' if done else 'would go'}")
    if mixed:
        typer.echo(f"blocked studies that mix patients, as a whole: {', '.join(mixed)}")
    if traces.apart:
        typer.echo(f"objects kept apart in studies of others: {len(traces.apart)}")
    if traces.unreadable:
        typer.echo(f"objects that cannot be read, and may be theirs: {traces.unreadable}")
    for sentence in _NOT_REACHED:
        typer.echo(sentence)
