"""`osteon forget`: everything that the node has of a patient goes."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.exits import Exit, Leave

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from db.forgetting import Patient
    from dicom_node.keeping.forgetting import PatientTraces
    from dicom_node.spool import FileSpool

# What a person has to know before and after, since no command reaches it.
_NOT_REACHED = (
    "What was sent to a PACS or another destination stays there: have it removed there.",
    "Backups still hold it: see docs/retention.md for what to do after one is restored.",
    "The audit trail keeps the Study Instance UIDs, and who saw them.",
)


def add_commands(app: typer.Typer) -> None:
    app.command()(forget)


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
    from dicom_node.keeping.forgetting import StillWorkedOn
    from dicom_node.keeping.forgetting import forget as forget_all

    settings = read_settings("forget")
    ledger, spool = open_node_ledger(settings), build_spool(settings)
    patient = Patient(patient_id.strip(), None if issuer is None else issuer.strip())
    if not patient.patient_id:
        raise Leave(Exit.USAGE, "a patient without an ID cannot be told from others")
    with ledger_trouble_explained():
        traces = _find(ledger, spool, patient)
        if dry_run or not yes:
            _tell(traces, done=False, as_json=as_json)
        if dry_run:
            return Exit.DONE
        if not yes and not typer.confirm("Remove all of this for good?", err=as_json):
            raise typer.Abort
        try:
            forget_all(ledger, spool, traces, person=command_actor())
        except StillWorkedOn as error:
            sentence = "a worker, or a transfer, still holds something of it: run this again"
            raise Leave(Exit.CHECK_FAILED, sentence) from error
    _tell(traces, done=True, as_json=as_json)
    return Exit.DONE


def _find(ledger: "Engine", spool: "FileSpool", patient: "Patient") -> "PatientTraces":
    from dicom_node.keeping.forgetting import PatientHeld, SeveralIssuers, find_traces

    try:
        traces = find_traces(ledger, spool, patient)
    except SeveralIssuers as error:
        raise Leave(Exit.USAGE, f"several issuers gave this ID ({error}): say --issuer") from error
    except PatientHeld as error:
        sentence = f"nothing was removed, these studies are held: {error}"
        raise Leave(Exit.CHECK_FAILED, sentence) from error
    if traces.is_empty:
        raise Leave(Exit.NOTHING_FOUND, "the node has nothing of this patient")
    return traces


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
