"""`osteon purge`, `hold`, `release` and `holds`: what is removed, and what must not be."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.exits import Exit, Leave

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from db.retention import Purged
    from dicom_node.keeping.purging import Purger, RetentionPlan
    from settings import Settings

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document per line.")]
StudyUid = Annotated[str, typer.Argument(help="Study Instance UID.")]
_HOLD_TABLE = ("study_instance_uid", "placed_by", "placed_at", "reason")


def add_commands(app: typer.Typer) -> None:
    for command in (purge, hold, release, holds):
        app.command()(command)


def retention_plan(settings: "Settings") -> "RetentionPlan":
    from dicom_node.keeping.purging import RetentionPlan

    return RetentionPlan(
        received_days=settings.retention_days,
        results_days=settings.results_retention_days,
        requires_proof=settings.retention_requires_proof,
        quota_bytes=settings.spool_quota_bytes,
        quota_low_bytes=settings.quota_low_bytes,
    )


def purge(
    now: Annotated[bool, typer.Option("--now", help="Remove what may go at once.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what may go, and what keeps the rest.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Remove the files that retention lets go of, as the beat does each minute; or say which."""
    from cli.acting import command_actor
    from cli.assembly import build_spool, ledger_trouble_explained, open_node_ledger
    from cli.node import read_settings
    from dicom_node.keeping.purging import Purger

    if now == dry_run:
        raise Leave(Exit.USAGE, "say --dry-run to see what would go, or --now to remove it")
    settings = read_settings("purge")
    plan, ledger = retention_plan(settings), open_node_ledger(settings)
    with ledger_trouble_explained():
        if dry_run:
            _tell(ledger, plan, as_json=as_json)
        else:
            _purge(Purger(ledger, build_spool(settings), plan, command_actor()), as_json=as_json)
    return Exit.DONE


def hold(
    study: StudyUid,
    reason: Annotated[str, typer.Option(help="Why, in one sentence that names no patient.")],
) -> int:
    """Keep everything of a study until the hold is released, whatever retention says."""
    from cli.acting import command_actor
    from cli.ledger import open_ledger_session
    from db.holds import AlreadyHeld, NoSuchStudy, place_hold

    sentence = _sentence(reason)
    try:
        with open_ledger_session("hold") as session:
            place_hold(session, study, reason=sentence, person=command_actor())
    except NoSuchStudy as error:
        raise Leave(Exit.NOTHING_FOUND, f"the ledger knows no study {study}") from error
    except AlreadyHeld as error:
        raise Leave(Exit.CHECK_FAILED, "the study is held already: see `osteon holds`") from error
    typer.echo("held: nothing of the study is removed until `osteon release`")
    return Exit.DONE


def release(
    study: StudyUid,
    reason: Annotated[str, typer.Option(help="Why, in one sentence that names no patient.")],
) -> int:
    """Release a study that is held: retention goes on with it as with any other."""
    from cli.acting import command_actor
    from cli.ledger import open_ledger_session
    from db.holds import NoSuchStudy, NotHeld, release_hold

    sentence = _sentence(reason)
    try:
        with open_ledger_session("release") as session:
            release_hold(session, study, reason=sentence, person=command_actor())
    except (NoSuchStudy, NotHeld) as error:
        raise Leave(Exit.NOTHING_FOUND, f"no study {study} is held") from error
    typer.echo("released")
    return Exit.DONE


def holds(as_json: AsJson = False) -> int:
    """Show the studies that are held, by whom, since when and why."""
    from dataclasses import asdict

    from cli.ledger import open_ledger_session
    from cli.output import print_rows
    from db.holds import standing_holds

    with open_ledger_session("holds") as session:
        rows = [asdict(one) for one in standing_holds(session)]
    print_rows(_HOLD_TABLE, rows, as_json=as_json)
    return Exit.DONE


def _sentence(reason: str) -> str:
    sentence = " ".join(reason.split())
    if not sentence:
        raise Leave(Exit.USAGE, "a hold needs a reason")
    return sentence


def _tell(ledger: "Engine", plan: "RetentionPlan", *, as_json: bool) -> None:
    from dataclasses import asdict

    from cli.output import print_json
    from dicom_node.keeping.foreseeing import foresee

    foreseen = foresee(ledger, plan)
    if as_json:
        print_json(asdict(foreseen))
        return
    for name, purged in (
        ("received files", foreseen.received),
        ("results' files", foreseen.results),
        ("received files above the quota", foreseen.quota),
    ):
        said = "stay: nothing is set" if purged is None else f"{_amount(purged)}, may go"
        typer.echo(f"{name}: {said}")
    for reason, studies in foreseen.kept.items():
        typer.echo(f"kept: {studies} studies, {reason}")


def _purge(purger: "Purger", *, as_json: bool) -> None:
    """Until nothing is left to do; then once through the spool for what no row names."""
    from dataclasses import asdict

    from cli.output import print_json
    from db.retention import Purged

    received, results, has_more = Purged(), Purged(), True
    while has_more:
        step = purger.step()
        received, results, has_more = (
            received + step.received,
            results + step.results,
            step.has_more,
        )
    strays = purger.strays.round()
    if as_json:
        print_json({"received": asdict(received), "results": asdict(results), "strays": strays})
        return
    typer.echo(f"received files: {_amount(received)}, purged")
    typer.echo(f"results' files: {_amount(results)}, purged")
    typer.echo(f"files that no row named: {strays} removed")


def _amount(purged: "Purged") -> str:
    return f"{purged.files} files of {purged.studies} studies, {purged.size_bytes} bytes"
