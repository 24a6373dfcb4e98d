"""`osteon audit`: who saw or did what, and whether the trail that says so is whole."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from cli.exits import Exit, Leave
from cli.results import AsJson

_TABLE = (
    *("happened_at", "actor", "role", "action"),
    *("outcome", "study_instance_uid", "address", "peer", "detail"),
)


def add_commands(app: typer.Typer) -> None:
    audit = typer.Typer(help="Who saw or did what, and whether the trail is whole.")
    audit.callback(invoke_without_command=True)(show)
    audit.command()(verify)
    audit.command()(prune)
    app.add_typer(audit, name="audit")


def show(
    context: typer.Context,
    study: Annotated[str, typer.Option(help="Only what concerns this Study Instance UID.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = 100,
    as_json: AsJson = False,
) -> int | None:
    """Show who saw or did what, the newest first."""
    if context.invoked_subcommand is not None:
        return None
    from dataclasses import asdict

    from cli.acting import command_event
    from cli.ledger import open_ledger_session
    from cli.output import print_rows
    from db.audit import Action, list_events, record_event

    with open_ledger_session("audit") as session:
        events = list_events(session, study_instance_uid=study, limit=limit)
        record_event(session, command_event(Action.TRAIL_VIEWED, study_instance_uid=study or None))
    rows = [asdict(event) for event in events]
    print_rows(_TABLE, rows, as_json=as_json)
    return Exit.DONE if events or not study else Exit.NOTHING_FOUND


def verify(as_json: AsJson = False) -> int:
    """Check the whole trail against its seals; exit code 42 and where it breaks, if it does."""
    from dataclasses import asdict

    from cli.acting import command_event
    from cli.assembly import audit_files, ledger_trouble_explained, open_node_ledger
    from cli.node import read_settings
    from cli.output import print_json
    from db.audit import Action, Outcome, record_event
    from db.audit_chain import ChainBroken, check_trail
    from db.audit_files import AuditKeyMissing
    from db.session import transaction

    settings = read_settings("audit")
    engine = open_node_ledger(settings)
    with ledger_trouble_explained():
        try:
            report = check_trail(engine, audit_files(settings))
        except (ChainBroken, AuditKeyMissing) as broken:
            with transaction(engine) as session:
                failed = command_event(
                    Action.TRAIL_CHECKED, outcome=Outcome.FAILED, detail=str(broken)
                )
                record_event(session, failed)
            raise Leave(Exit.CHECK_FAILED, f"the audit trail is not whole: {broken}") from broken
        with transaction(engine) as session:
            record_event(session, command_event(Action.TRAIL_CHECKED))
    if as_json:
        print_json(asdict(report) | {"events": report.events})
    else:
        typer.echo(f"{report.events} events, whole from number {report.first} to {report.last}")
        if report.unsealed:
            typer.echo(f"{report.unsealed} wait for their seal, which the beat gives them")
    return Exit.DONE


def prune(
    before: Annotated[
        datetime, typer.Option(formats=["%Y-%m-%d"], help="What happened before this day (UTC).")
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before it is done.")] = False,
) -> int:
    """Remove the oldest part of the trail; what stays can still be verified."""
    from cli.acting import command_actor
    from cli.assembly import audit_files, ledger_trouble_explained, open_node_ledger
    from cli.node import read_settings
    from db.audit_chain import ChainBroken, check_trail, prune_trail
    from db.audit_files import AuditKeyMissing
    from db.session import transaction

    settings = read_settings("audit")
    engine, files = open_node_ledger(settings), audit_files(settings)
    moment = before.replace(tzinfo=UTC)
    if not yes and not typer.confirm(f"Remove what the trail says from before {moment:%Y-%m-%d}?"):
        raise typer.Abort
    with ledger_trouble_explained():
        try:
            check_trail(engine, files)  # what is not whole is left as it is, for whoever looks
            with transaction(engine) as session:
                count = prune_trail(session, files.key(), moment, command_actor())
        except (ChainBroken, AuditKeyMissing) as broken:
            raise Leave(Exit.CHECK_FAILED, f"nothing is removed: {broken}") from broken
    typer.echo(f"{count} events removed")
    return Exit.DONE
