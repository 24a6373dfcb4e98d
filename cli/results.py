"""`osteon results`: what was found, or what each destination got of it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.exits import Exit, Leave

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from db.result_query import ResultQuery
    from settings import Settings

_RESULT_TABLE = ("received_at", "sop_instance_uid", "state", "probability", "region", "reason")
_DELIVERY_TABLE = (
    *("study_instance_uid", "revision", "destination"),
    *("state", "proof", "rung", "why", "error"),
)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document a line.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Comma-separated values with a header line.")]


def results(
    study: Annotated[str | None, typer.Option(help="Only this Study Instance UID.")] = None,
    since: Annotated[
        str, typer.Option("--from", help="Received from this day or moment on.", metavar="DAY")
    ] = "",
    until: Annotated[
        str, typer.Option("--to", help="Received up to this day, or before this moment.")
    ] = "",
    region: Annotated[str, typer.Option(help="Only this body region.")] = "",
    state: Annotated[str, typer.Option(help="Only this state, such as fracture.")] = "",
    source: Annotated[str, typer.Option(help="Only what this AE title sent.")] = "",
    newest: Annotated[bool, typer.Option("--newest", help="Newest first.")] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many rows.")] = None,
    deliveries: Annotated[
        bool,
        typer.Option("--deliveries", help="What each destination got, and why that."),
    ] = False,
    deidentified: Annotated[
        bool,
        typer.Option("--deidentified", help="With pseudonyms, fitting to `osteon deidentify`."),
    ] = False,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> int:
    """Show what was found, a row per image, oldest first."""
    from cli.acting import note_command
    from cli.assembly import ledger_trouble_explained, open_node_ledger
    from cli.node import read_settings
    from db.audit import Action
    from db.result_query import RESULT_COLUMNS, ResultQuery, every_result
    from db.results import RESULT_DELIVERY

    asked = ResultQuery(
        study_instance_uid=study or "",
        region=region,
        state=state,
        source_ae_title=source,
        newest_first=newest,
    )
    settings = read_settings("results")
    query = _within(settings, asked, since, until)
    is_narrowed = query != ResultQuery(study_instance_uid=study or "") or limit
    if deliveries and (is_narrowed or deidentified):
        raise Leave(Exit.USAGE, "--deliveries goes with --study alone")
    engine = open_node_ledger(settings)
    action = Action.RESULTS_EXPORTED if as_json or as_csv else Action.RESULTS_VIEWED
    with ledger_trouble_explained():
        note_command(engine, action, study_instance_uid=study)
        if deliveries:
            columns = [column.name for column in RESULT_DELIVERY.columns]
            told = _print(_deliveries(engine, study), columns, _DELIVERY_TABLE, (as_json, as_csv))
        else:
            rows = every_result(engine, query, at_most=limit)
            rows = _without_identity(settings, engine, rows) if deidentified else rows
            told = _print(rows, RESULT_COLUMNS, _RESULT_TABLE, (as_json, as_csv))
    return Exit.NOTHING_FOUND if study is not None and not told else Exit.DONE


def _without_identity(
    settings: "Settings", engine: "Engine", rows: Iterator[dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    from cli.deidentification import read_key
    from db.session import reading
    from db.studies import issuers_of_patient_ids
    from dicom_node.deidentification.pseudonyms import Pseudonyms
    from dicom_node.deidentification.result_rows import without_identity

    with reading(engine) as session:
        issuers = issuers_of_patient_ids(session)
    return without_identity(rows, Pseudonyms(read_key(settings, None)), issuers)


def _within(settings: "Settings", asked: "ResultQuery", since: str, until: str) -> "ResultQuery":
    """With the days of the hospital's clocks; Leave where something is no day, moment or state."""
    from dataclasses import replace
    from zoneinfo import ZoneInfo

    from db.periods import BadMoment, first_moment, moment_after
    from db.result_query import RESULT_STATES

    if asked.state not in ("", *RESULT_STATES):
        raise Leave(Exit.USAGE, f"--state is one of {', '.join(RESULT_STATES)}")
    zone = ZoneInfo(settings.time_zone)
    try:
        return replace(
            asked,
            received_from=first_moment(since, zone) if since else None,
            received_until=moment_after(until, zone) if until else None,
        )
    except BadMoment as error:
        raise Leave(Exit.USAGE, f"--from and --to: {error}") from error


def _deliveries(engine: "Engine", study: str | None) -> list[dict[str, Any]]:
    from db.results import delivery_results
    from db.session import reading

    with reading(engine) as session:
        return delivery_results(session, study)


def _print(
    rows: Iterable[Mapping[str, Any]],
    columns: Iterable[str],
    table: tuple[str, ...],
    form: tuple[bool, bool],
) -> int:
    """As JSON, CSV or a table; how many rows."""
    from cli.output import print_csv, print_json, print_table

    count = 0

    def counted() -> Iterator[Mapping[str, Any]]:
        nonlocal count
        for count, row in enumerate(rows, 1):  # noqa: B007 - it is told at the end
            yield row

    as_json, as_csv = form
    if as_json:
        for row in counted():
            print_json(row)
    elif as_csv:
        print_csv(list(columns), counted())
    else:
        print_table(table, counted())
    return count
