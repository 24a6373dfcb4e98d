"""Which processes are there: said by themselves, silent or gone by the database's clock."""

import os
import socket
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine, update
from structlog.testing import capture_logs

from db.clock import database_now
from db.presence import (
    FORGOTTEN_SECONDS,
    SILENT_SECONDS,
    ListedProcess,
    PresenceKeeper,
    RunningProcess,
    leave,
    note_presence,
    processes,
)
from db.session import open_ledger, reading, transaction
from db.tables import Presence
from db.upgrade import upgrade_ledger
from tests.waiting import wait_for

WORKER = RunningProcess("worker", ("analyse",), host="ward-1", process_id=7)
PATIENCE_SECONDS = 20


def listed(ledger: Engine) -> list[ListedProcess]:
    with reading(ledger) as session:
        return processes(session)


def note(ledger: Engine, process: RunningProcess, running_seconds: float | None = None) -> None:
    with transaction(ledger) as session:
        note_presence(session, process, running_seconds=running_seconds)


def last_seen(ledger: Engine, seconds_ago: float, part: str) -> None:
    with transaction(ledger) as session:
        moved = update(Presence).where(Presence.part == part)
        session.execute(moved.values(seen_at=database_now(-seconds_ago)))


def test_a_process_is_one_row_that_says_what_it_said_last(ledger: Engine) -> None:
    note(ledger, WORKER, running_seconds=30)
    [before] = listed(ledger)
    loaded = RunningProcess(
        "worker", ("analyse",), "CPU of some kind", "0.4.0", host="ward-1", process_id=7
    )
    note(ledger, loaded)
    [now] = listed(ledger)
    assert (before.device, before.model_version) == (None, None)
    assert (now.part, now.host, now.process_id) == ("worker", "ward-1", 7)
    assert (now.queues, now.device, now.model_version) == (["analyse"], "CPU of some kind", "0.4.0")
    assert now.started_at == before.started_at
    assert 29 < (now.seen_at - now.started_at).total_seconds() < 90
    assert not now.is_silent


def test_a_process_that_has_the_number_of_another_begins_anew(ledger: Engine) -> None:
    """As the first process of a container that was killed and started again."""
    note(ledger, WORKER, running_seconds=1000)
    note(ledger, WORKER, running_seconds=0)
    [process] = listed(ledger)
    assert (process.seen_at - process.started_at).total_seconds() < 60


def test_who_says_nothing_is_silent_then_forgotten(ledger: Engine) -> None:
    for part in ("beat", "listener", "web"):
        note(ledger, RunningProcess(part))
    last_seen(ledger, SILENT_SECONDS + 5, "beat")
    last_seen(ledger, SILENT_SECONDS - 5, "listener")
    last_seen(ledger, FORGOTTEN_SECONDS + 5, "web")
    silent = {one.part: one.is_silent for one in listed(ledger)}
    assert silent == {"beat": True, "listener": False, "web": True}
    note(ledger, RunningProcess("listener"))
    assert [one.part for one in listed(ledger)] == ["beat", "listener"]


def test_who_ends_in_order_leaves_alone(ledger: Engine) -> None:
    beat = RunningProcess("beat")
    note(ledger, beat)
    note(ledger, WORKER)
    with transaction(ledger) as session:
        leave(session, beat)
    assert [one.part for one in listed(ledger)] == ["worker"]


def test_a_keeper_says_what_changes_and_leaves_at_its_end(ledger: Engine) -> None:
    said = [RunningProcess("worker", ("analyse",))]
    with PresenceKeeper(lambda: ledger, lambda: said[-1], seconds=0.05):
        [process] = wait_for(lambda: listed(ledger), "the process", PATIENCE_SECONDS)
        assert (process.host, process.process_id) == (socket.gethostname(), os.getpid())
        assert process.device is None
        said.append(RunningProcess("worker", ("analyse",), "cuda: NVIDIA X", "0.4.0"))
        wait_for(lambda: listed(ledger)[0].device == "cuda: NVIDIA X", "it", PATIENCE_SECONDS)
        [later] = listed(ledger)
        assert later.started_at == process.started_at
        assert later.seen_at > process.seen_at
    assert listed(ledger) == []


def test_what_the_ledger_cannot_hold_ends_no_keeper(ledger: Engine) -> None:
    said = iter([RunningProcess("worker", process_id=1 << 70)])
    keeper = PresenceKeeper(lambda: ledger, lambda: next(said, WORKER), seconds=0.05)
    with capture_logs() as lines, keeper:
        wait_for(lambda: listed(ledger), "the process", PATIENCE_SECONDS)
    assert ("presence_not_noted", "ValueNotHeld") in [
        (line["event"], line.get("reason")) for line in lines
    ]


def test_a_ledger_that_is_away_is_said_once_and_asked_again(tmp_path: Path) -> None:
    """A file in a folder that is not there, as a database that is not there yet."""
    folder = tmp_path / "away"
    url = f"sqlite:///{folder / 'ledger.sqlite'}"
    asked = []

    def engine() -> Engine:
        asked.append(datetime.now(UTC))
        return open_ledger(url)

    with capture_logs() as lines, PresenceKeeper(engine, lambda: WORKER, seconds=0.05):
        wait_for(lambda: len(asked) > 3, "some tries", PATIENCE_SECONDS)
        folder.mkdir()
        upgrade_ledger(url)
        ledger = open_ledger(url)
        [process] = wait_for(lambda: listed(ledger), "the process", PATIENCE_SECONDS)
        waited = process.seen_at - process.started_at
        assert waited.total_seconds() >= 0.1, "it runs since before the ledger was there"
    assert listed(ledger) == []
    ledger.dispose()
    events = [(line["event"], line["reason"]) for line in lines]
    assert events.count(("presence_not_noted", "LedgerUnavailable")) == 1
