"""How fast the worklist's pages are, however many studies there are.

    python -m benchmarks.ledger_of_many LEDGER_URL --studies 100000
    python -m benchmarks.worklist LEDGER_URL

Each line is a page of fifty rows as the window asks for it: the median and the longest of the
repetitions, in milliseconds, of the ledger's part, and then of the whole page over HTTP.
"""

import http.client
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated
from urllib.parse import urlsplit

import typer
from sqlalchemy import Engine

from benchmarks.served_window import served
from db.session import open_ledger, reading
from db.worklist import Cursor, Order, WorklistQuery, count_worklist, read_worklist

_MIDDLE = 50_000


def queries(engine: Engine) -> dict[str, WorklistQuery]:
    """Pages of every order and kind of narrowing, the unkind ones too."""
    return {
        "newest": WorklistQuery(),
        "most urgent": WorklistQuery(order=Order.URGENT),
        "oldest": WorklistQuery(order=Order.OLDEST),
        "deep in the list": WorklistQuery(after=_place(engine)),
        "fractures": WorklistQuery(finding="fracture"),
        "urgent fractures": WorklistQuery(order=Order.URGENT, finding="fracture"),
        "a state that none has": WorklistQuery(state="blocked"),
        "a room's urgent": WorklistQuery(order=Order.URGENT, source_ae_title="DX_WARD"),
        "last 24 hours": WorklistQuery(since=datetime.now(UTC) - timedelta(days=1)),
        "urgent of 24 hours": WorklistQuery(
            order=Order.URGENT, since=datetime.now(UTC) - timedelta(days=1)
        ),
        "a name that many have": WorklistQuery(search="a"),
        "a name that none has": WorklistQuery(search="nobody is called so"),
    }


def _place(engine: Engine) -> Cursor:
    with reading(engine) as session:
        total = count_worklist(session)
        page = read_worklist(session, WorklistQuery(limit=min(_MIDDLE, max(total // 2, 1))))
    return page.rows[-1].cursor


def measured(act: Callable[[], object], repetitions: int) -> str:
    act()
    taken = []
    for _ in range(repetitions):
        started = time.perf_counter()
        act()
        taken.append((time.perf_counter() - started) * 1000)
    return f"{statistics.median(taken):8.1f} {max(taken):8.1f}"


def main(
    ledger_url: Annotated[str, typer.Argument(help="SQLAlchemy URL of a filled ledger.")],
    repetitions: int = 20,
) -> None:
    engine = open_ledger(ledger_url)
    with reading(engine) as session:
        print(f"{count_worklist(session)} studies, {engine.dialect.name}")
    print(f"{'page':28} {'median':>8} {'longest':>8}  ms")
    for name, query in queries(engine).items():
        print(f"{name:28} {measured(lambda query=query: _read(engine, query), repetitions)}")
    _measure_http(ledger_url, repetitions)


def _read(engine: Engine, query: WorklistQuery) -> None:
    with reading(engine) as session:
        read_worklist(session, query)


def _measure_http(ledger_url: str, repetitions: int) -> None:
    with TemporaryDirectory() as folder, served(ledger_url, Path(folder)) as address:
        for path in ("/worklist", "/worklist?order=urgent", "/worklist?finding=fracture"):
            url = address + path
            print(f"{path:28} {measured(lambda url=url: _get(url), repetitions)}")


def _get(url: str) -> None:
    asked = urlsplit(url)
    connection = http.client.HTTPConnection(str(asked.hostname), asked.port, timeout=30)
    connection.request("GET", f"{asked.path}?{asked.query}")
    response = connection.getresponse()
    response.read()
    connection.close()
    if response.status != http.client.OK:
        raise SystemExit(f"{url}: HTTP {response.status}")


if __name__ == "__main__":
    typer.run(main)
