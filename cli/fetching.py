"""Commands that pull: fetch studies from a PACS, and reconcile what it has with what we have."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cli.exits import Exit

if TYPE_CHECKING:
    from cli.pulling import Comparison, Pull
    from cli.reconciling import Account
    from dicom_node.query_retrieve.study_fetch import FetchedStudy
    from settings import Settings

PeerOption = Annotated[str, typer.Option(metavar="AET@HOST:PORT", help="The PACS.")]
ByOption = Annotated[
    Literal["auto", "get", "move"],
    typer.Option(help="How: C-GET, C-MOVE, or C-GET where the PACS takes it."),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document a line.")]
_TABLE = ("study_instance_uid", "outcome", "missing", "fetched", "state", "reason")


def add_commands(app: typer.Typer) -> None:
    for command in (fetch, reconcile):
        app.command()(command)


def fetch(
    peer: PeerOption,
    study: Annotated[list[str] | None, typer.Option(help="Study Instance UID.")] = None,
    series: Annotated[list[str] | None, typer.Option(help="Only this Series Instance UID.")] = None,
    accession: Annotated[list[str] | None, typer.Option(help="Accession Number.")] = None,
    by: ByOption = "auto",
    as_json: AsJson = False,
) -> int:
    """Fetch studies from a PACS; they are kept and analysed as if it had sent them by itself."""
    from cli.node import read_settings
    from dicom_node.query_retrieve.retrieve_client import Way

    settings = read_settings("fetch")
    _refuse_unusable(study, series, accession)
    exits = {Exit.DONE}
    with _pulling(settings, peer) as pull:
        named = pull.instances_of(study or (), accession or (), series or ())
        for lacking in named.lacking:
            exits.add(Exit.NOTHING_FOUND)
            typer.echo(f"the PACS has no {lacking}", err=True)
        for fetched in pull.fetch(named.instances, Way(by), by_series=bool(series)):
            exits.add(Exit.DONE if fetched.reason is None else Exit.PEER_REFUSED)
            _print_fetched(fetched, as_json)
    return max(exits)


def reconcile(
    peer: PeerOption,
    since: Annotated[
        str, typer.Option(metavar="DATE|DURATION", help="From when on: 2026-01-31, 36h, 7d, 4w.")
    ],
    until: Annotated[str | None, typer.Option(metavar="DATE|DURATION", help="Up to when.")] = None,
    modality: Annotated[str, typer.Option(help="Modalities whose studies count.")] = "CR,DX",
    backfill: Annotated[bool, typer.Option("--backfill", help="Fetch what is missing.")] = False,
    by: ByOption = "auto",
    by_count: Annotated[
        bool, typer.Option("--by-count", help="Take equal numbers of objects for equal images.")
    ] = False,
    patience: Annotated[
        str, typer.Option(metavar="DURATION", help="How long a study may be in work.")
    ] = "24h",
    limit: Annotated[int, typer.Option(min=1, help="Refuse to compare more studies.")] = 20_000,
    as_json: AsJson = False,
) -> int:
    """Hold what a PACS has against the ledger: what never arrived, and what has no results?"""
    from cli.node import read_settings
    from dicom_node.query_retrieve.retrieve_client import Way

    settings = read_settings("reconcile")
    comparison = _comparison(settings, (since, until, patience), modality, limit, by_count)
    with _pulling(settings, peer) as pull:
        account = pull.account(comparison)
        try:
            if backfill:
                pull.backfill(account, comparison, Way(by))
        finally:
            _print_account(account, peer, as_json)
    if not account.studies and account.is_clear:
        return Exit.NOTHING_FOUND
    return Exit.DONE if account.is_clear else Exit.CHECK_FAILED


def _refuse_unusable(
    studies: list[str] | None, series: list[str] | None, accessions: list[str] | None
) -> None:
    from dicom_node.header_reading import is_uid

    if not studies and not accessions:
        raise typer.BadParameter("say which studies, by --study or --accession")
    for uid in (*(studies or ()), *(series or ())):
        if not is_uid(uid):
            raise typer.BadParameter(f"{uid!r} is no UID")
    for number in accessions or ():
        # PS3.4 C.2.2.2.4: as a matching key these are wild cards, and would match others.
        if set(number) & set("*?\\") or not number.strip():
            raise typer.BadParameter(f"{number!r} is no accession number")


def _comparison(
    settings: "Settings",
    moments: tuple[str, str | None, str],
    modality: str,
    limit: int,
    by_count: bool,
) -> "Comparison":
    from cli.pulling import Comparison
    from cli.reconciling import Period
    from dicom_node.query_retrieve.query_client import StudyQuery

    modalities = tuple(dict.fromkeys(modality.upper().replace(",", " ").split()))
    if not modalities:
        raise typer.BadParameter("--modality names none")
    try:
        period = Period.of(settings.time_zone, *moments)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    query = StudyQuery(period.since, period.until, modalities, limit)
    return Comparison(query, period.overdue_before, by_count)


@contextmanager
def _pulling(settings: "Settings", peer: str) -> Iterator["Pull"]:
    from cli.acting import note_command
    from cli.assembly import (
        build_spool,
        ledger_trouble_explained,
        open_node_ledger,
        routing_rules,
    )
    from cli.peers import destination_of, peer_trouble_explained
    from cli.progress import with_progress
    from cli.pulling import Pull
    from db.audit import Action
    from dicom_node.query_retrieve.retrieve_client import Reception

    destination = destination_of(settings, peer)
    reception = Reception(
        open_node_ledger(settings),
        build_spool(settings),
        name=f"{settings.ae_title} fetching from {destination}",
        object_max_bytes=settings.object_max_bytes,
        rules=routing_rules(settings),
    )
    with peer_trouble_explained(), ledger_trouble_explained():
        note_command(reception.engine, Action.QUERY_SENT, peer=str(destination))
        named = _destination_names(settings, str(destination))
        yield Pull(destination, named, settings.ae_title, reception, with_progress)


def _destination_names(settings: "Settings", address: str) -> frozenset[str]:
    """What the PACS is called where results go to it; nothing, where none do."""
    from remote_systems import PacsSettings

    pacs = (one for one in settings.destinations if isinstance(one, PacsSettings))
    return frozenset(one.name for one in pacs if str(one.peer) == address)


def _print_fetched(fetched: "FetchedStudy", as_json: bool) -> None:
    from dataclasses import asdict

    from cli.output import print_json

    if as_json:
        print_json(asdict(fetched))
        return
    counts = f"{fetched.found} found, {fetched.stored} stored, {fetched.duplicate} here before"
    apart = f", {fetched.kept_apart} kept apart" if fetched.kept_apart else ""
    trouble = f"; {fetched.reason}" if fetched.reason else ""
    typer.echo(f"{fetched.study_instance_uid}: {counts}{apart}{trouble}")


def _print_account(account: "Account", peer: str, as_json: bool) -> None:
    from cli.output import print_json, print_table

    rows = account.rows()
    if as_json:
        for row in rows:
            print_json(row)
    elif unfinished := [row for row in rows if row["outcome"] != "delivered"]:
        print_table(_TABLE, unfinished)
    typer.echo(account.sentence(peer), err=as_json)
