"""Commands that ask the ledger: results, jobs, requeue, doctor."""

import csv
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.exits import Exit

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_RESULT_COLUMNS = (
    "study_instance_uid",
    "sop_instance_uid",
    "state",
    "probability",
    "region",
    "reason",
    "analysed_at",
    "delivered_at",
)
_JOB_COLUMNS = ("id", "kind", "subject_id", "state", "attempt", "next_attempt_at", "last_error")

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document a line.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Comma-separated values with a header line.")]


def add_commands(app: typer.Typer) -> None:
    for command in (results, jobs, requeue, doctor):
        app.command()(command)


def results(
    study: Annotated[str | None, typer.Option(help="Only this Study Instance UID.")] = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> int:
    """Show what was found, one row per image, newest first."""
    from db.results import image_results

    with _ledger() as session:
        rows = [dict(row) for row in image_results(session, study)]
    if as_json:
        _print_json(rows)
    elif as_csv:
        _print_csv(rows)
    else:
        _print_table(_RESULT_COLUMNS, rows)
    return Exit.DONE if rows or study is None else Exit.NOTHING_FOUND


def jobs(
    dead: Annotated[bool, typer.Option("--dead", help="Those given up, with the reason.")] = False,
    as_json: AsJson = False,
) -> int:
    """Show the open jobs, or the dead ones with their reasons."""
    from db.jobs import JobState
    from db.work import list_jobs

    states = [JobState.DEAD] if dead else [JobState.WAITING, JobState.RUNNING]
    with _ledger() as session:
        rows = [_as_dict(job) for job in list_jobs(session, states=states)]
    if as_json:
        _print_json(rows)
    else:
        _print_table(_JOB_COLUMNS, rows)
    return Exit.DONE


def requeue(
    job: Annotated[list[int], typer.Argument(help="Ids of dead jobs; see `osteon jobs --dead`.")],
) -> int:
    """Give dead jobs a new start, once their cause is mended."""
    from db.jobs import requeue_jobs

    with _ledger() as session:
        count = requeue_jobs(session, job)
    typer.echo(f"{count} of {len(job)} jobs requeued")
    return Exit.DONE if count == len(job) else Exit.NOTHING_FOUND


def doctor(as_json: AsJson = False) -> int:
    """Check settings, ledger, broker, disk, classifier, port and peers; say what to do."""
    from cli.node import read_settings
    from cli.doctor import examine_node

    checks = list(examine_node(read_settings("doctor")))
    if as_json:
        _print_json([check.as_row() for check in checks])
    else:
        for check in checks:
            typer.echo(f"{'ok  ' if check.passed else 'FAIL'}  {check.name}: {check.said}")
    return Exit.DONE if all(check.passed for check in checks) else Exit.CHECK_FAILED
