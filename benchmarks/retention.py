"""What a step of retention costs the database, on a ledger that benchmarks/ledger_of_many.py made.

    python -m benchmarks.retention LEDGER_URL

CPU time of this process, the median of five; nothing is changed: what is let go of is rolled back.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import typer
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from db.leaving_files import named_keys
from db.retention import Walk, examine_received, examine_results, purge_received, purge_results
from db.retention_rule import RetentionRule
from db.session import open_ledger, reading, transaction
from db.storage import kept_sizes

_DAY_SECONDS = 86400.0
_ROUNDS = 5
_STUDIES = range(1, 26)


class _RolledBack(Exception):
    """Ends a transaction that is to leave nothing behind."""


def _questions(engine: Engine) -> Iterator[tuple[str, Callable[[], object]]]:
    """Of a PACS that proves a third of what it takes; where being taken is enough, all may go."""
    easy = RetentionRule(30 * _DAY_SECONDS, requires_proof=False)
    strict = RetentionRule(30 * _DAY_SECONDS)
    letting_go = {"why": "a benchmark", "actor": "retention"}

    def asked(question: Callable[[Session], object]) -> Callable[[], object]:
        return lambda: _read(engine, question)

    yield "400 received files, all may go", asked(lambda one: examine_received(one, easy, Walk()))
    yield "400, most may not", asked(lambda one: examine_received(one, strict, Walk()))
    yield "400 result objects", asked(lambda one: examine_results(one, easy, Walk()))
    yield "what is kept, added up", asked(kept_sizes)
    keys = [f"{number:064x}" for number in range(1, 201)]
    yield "200 files, who names them", asked(lambda one: named_keys(one, keys))
    for name, purge in (("received files", purge_received), ("results", purge_results)):
        yield f"25 studies let go of {name}", _undone(engine, purge, easy, letting_go)


def _read(engine: Engine, question: Callable[[Session], object]) -> object:
    with reading(engine) as session:
        return question(session)


def _undone(
    engine: Engine, purge: Callable[..., object], rule: RetentionRule, said: dict[str, Any]
) -> Callable[[], None]:
    def run() -> None:
        try:
            with transaction(engine) as session:
                purge(session, _STUDIES, rule, **said)
                raise _RolledBack
        except _RolledBack:
            return

    return run


def _milliseconds(question: Callable[[], object]) -> float:
    taken = []
    for _ in range(_ROUNDS):
        began = time.process_time()
        question()
        taken.append((time.process_time() - began) * 1000)
    return statistics.median(taken)


def main(
    ledger_url: Annotated[str, typer.Argument(help="A ledger that ledger_of_many has filled.")],
) -> None:
    for name, question in _questions(open_ledger(ledger_url)):
        typer.echo(f"{name}: {_milliseconds(question):.1f} ms")


if __name__ == "__main__":
    typer.run(main)
