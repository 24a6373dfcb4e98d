"""How fast the audit trail is written by many at once, sealed and verified.

    python benchmarks/audit_chain.py [DATABASE_URL] [--events 100000]

Without a URL a SQLite ledger in a temporary folder; of PostgreSQL name an empty database.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from sqlalchemy import Engine, insert

from db.audit import Action, AuditRecord, record_event
from db.audit_chain import check_chain, seal_events
from db.audit_files import Head
from db.session import open_ledger, reading, transaction
from db.tables import AuditEvent
from db.upgrade import upgrade_ledger

_KEY = b"benchmark"
_WRITERS = 8
_EVENTS_EACH = 100


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url", nargs="?")
    parser.add_argument("--events", type=int, default=100_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = asked.url or f"sqlite:///{folder}/ledger.sqlite"
        upgrade_ledger(url)
        measure(open_ledger(url), asked.events)


def measure(engine: Engine, events: int) -> None:
    alone = _seconds(lambda: _write(engine, 0))
    print(f"1 writer: {_EVENTS_EACH / alone:.0f} events/s, a transaction each")
    together = _seconds(lambda: _write_together(engine))
    print(f"{_WRITERS} writers and a sealer: {_WRITERS * _EVENTS_EACH / together:.0f} events/s")
    _fill(engine, events)
    print(f"{events} events sealed in {_seconds(lambda: _seal_all(engine)):.1f} s")
    print(f"verified in {_seconds(lambda: _check(engine)):.1f} s")


def _write(engine: Engine, number: int) -> None:
    event = AuditRecord(f"writer {number}", "reader", Action.STUDY_VIEWED, "10.0.0.1")
    for _ in range(_EVENTS_EACH):
        with transaction(engine) as session:
            record_event(session, event)


def _write_together(engine: Engine) -> None:
    with ThreadPoolExecutor(_WRITERS) as pool:
        writing = [pool.submit(_write, engine, number) for number in range(_WRITERS)]
        while not all(one.done() for one in writing):
            with transaction(engine) as session:
                seal_events(session, _KEY, None)
            time.sleep(0.1)
        for one in writing:
            one.result()


def _fill(engine: Engine, events: int) -> None:
    now = datetime.now(UTC)
    row = {"actor": "anna", "role": "reader", "action": "study-viewed", "outcome": "done"}
    rows = [
        row | {"happened_at": now, "address": "10.0.0.1", "study_instance_uid": f"1.2.3.{number}"}
        for number in range(events)
    ]
    with transaction(engine) as session:
        session.execute(insert(AuditEvent), rows)


def _seal_all(engine: Engine) -> None:
    last: Head | None = None
    while True:
        with transaction(engine) as session:
            head = seal_events(session, _KEY, last)
        if head == last:
            return
        last = head


def _check(engine: Engine) -> None:
    with reading(engine) as session:
        report = check_chain(session, _KEY, None)
    assert report.unsealed == 0


def _seconds(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
