"""Commands that ask the ledger: results, jobs, requeue; and doctor, who looks at everything."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from cli.exits import Exit
from cli.results import AsJson, results

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_DESTINATION_TABLE = ("name", "state", "waiting", "answered_at", "failed_at", "last_error")
_JOB_TABLE = ("job_id", "kind", "subject", "state", "attempt", "next_attempt_at", "last_error")


def add_commands(app: typer.Typer) -> None:
    for command in (results, destinations, jobs, requeue, doctor):
        app.command()(command)


def destinations(as_json: AsJson = False) -> int:
    """Show how each destination fares: whether it answers, and what waits for it."""
    from dataclasses import asdict

    from cli.output import print_rows
    from db.destinations import destination_states

    with open_ledger_session("destinations") as session:
        rows = [asdict(state) for state in destination_states(session)]
    print_rows(_DESTINATION_TABLE, rows, as_json=as_json)
    return Exit.DONE


def jobs(
    dead: Annotated[bool, typer.Option("--dead", help="Those given up, with the reason.")] = False,
    as_json: AsJson = False,
) -> int:
    """Show the open jobs, or the dead ones with their reasons."""
    from dataclasses import asdict

    from cli.output import print_rows
    from db.job_list import list_jobs
    from db.jobs import JobState

    states = [JobState.DEAD] if dead else [JobState.WAITING, JobState.RUNNING]
    with open_ledger_session("jobs") as session:
        rows = [asdict(job) for job in list_jobs(session, states=states)]
    print_rows(_JOB_TABLE, rows, as_json=as_json)
    return Exit.DONE


def requeue(
    job: Annotated[list[int], typer.Argument(help="Ids of dead jobs; see `osteon jobs --dead`.")],
) -> int:
    """Give dead jobs a new start, once their cause is mended."""
    from cli.acting import command_event
    from db.audit import Action, record_event
    from db.job_list import requeue_jobs

    with open_ledger_session("requeue") as session:
        count = requeue_jobs(session, job)
        numbers = ", ".join(map(str, sorted(set(job))))
        record_event(session, command_event(Action.JOB_REQUEUED, detail=f"job {numbers}"))
    typer.echo(f"{count} of {len(set(job))} jobs requeued")
    return Exit.DONE if count == len(set(job)) else Exit.NOTHING_FOUND


def doctor(as_json: AsJson = False) -> int:
    """Check disk, ledger, broker, classifier, doors and destinations; say what to do."""
    from dataclasses import asdict

    from cli.doctor import examine_node
    from cli.node import read_settings
    from cli.output import print_json

    well = True
    for check in examine_node(read_settings("doctor")):
        well = well and check.passed
        if as_json:
            print_json(asdict(check))
        else:
            typer.echo(f"{'ok  ' if check.passed else 'FAIL'}  {check.name}: {check.said}")
    return Exit.DONE if well else Exit.CHECK_FAILED


@contextmanager
def open_ledger_session(command: str) -> Iterator["Session"]:
    """A transaction on the node's ledger; Leave with a sentence where it is away."""
    from cli.assembly import ledger_trouble_explained, open_node_ledger
    from cli.node import read_settings
    from db.session import transaction

    engine = open_node_ledger(read_settings(command))
    with ledger_trouble_explained(), transaction(engine) as session:
        yield session
