"""How long a page of results takes, by what is asked for.

    python -m benchmarks.result_pages LEDGER_URL [--rounds N]

The ledger is one that `benchmarks.ledger_of_many` has filled. Each question is asked in a
transaction of its own; the quickest round counts, because other work only ever adds time.
"""

import time
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from sqlalchemy import Engine

from cli.output import print_table
from db.result_query import ResultQuery, read_results
from db.session import open_ledger, reading


def questions() -> dict[str, ResultQuery]:
    now = datetime.now(UTC)
    return {
        "all, oldest first": ResultQuery(),
        "all, newest first": ResultQuery(newest_first=True),
        "the last day": ResultQuery(received_from=now - timedelta(days=1)),
        "fracture": ResultQuery(state="fracture"),
        "region": ResultQuery(region="wrist"),
        "sender": ResultQuery(source_ae_title="DX_WARD"),
        "fractures of a region, last 30 days": ResultQuery(
            received_from=now - timedelta(days=30), region="wrist", state="fracture"
        ),
        "one study": ResultQuery(study_instance_uid="1.2.826.0.1.3680043.8.498.777"),
        "kept apart (none)": ResultQuery(state="quarantined"),
        "waiting (none)": ResultQuery(state="waiting"),
        "failed (none)": ResultQuery(state="failed"),
        "a sender that there is not": ResultQuery(source_ae_title="NOBODY"),
        "a region that there is not": ResultQuery(region="nose"),
    }


def quickest_milliseconds(engine: Engine, query: ResultQuery, rounds: int) -> tuple[int, float]:
    """How many rows, and how long they took."""
    best, rows = float("inf"), 0
    for _ in range(rounds):
        began = time.perf_counter()
        with reading(engine) as session:
            rows = len(read_results(session, query).rows)
        best = min(best, 1000 * (time.perf_counter() - began))
    return rows, best


def main(
    ledger_url: Annotated[str, typer.Argument(help="A ledger that is filled.")],
    rounds: Annotated[int, typer.Option(help="How often each question is asked.")] = 10,
) -> None:
    engine = open_ledger(ledger_url)
    told: list[dict[str, Any]] = []
    for asked, query in questions().items():
        rows, best = quickest_milliseconds(engine, query, rounds)
        told.append({"asked": asked, "rows": rows, "ms": f"{best:.0f}"})
    print_table(("asked", "rows", "ms"), told)


if __name__ == "__main__":
    typer.run(main)
