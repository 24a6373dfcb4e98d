"""A node whose parts are forks of the nursery, and time that passes when a test says so."""

import itertools
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import text

from tests.end_to_end.node import PARTS, ROOT, Node
from tests.faults.failpoints import Failpoint, trigger_of
from tests.faults.nursery import Birth, Nursery
from tests.waiting import wait_for

DEATH_SECONDS = 60
# After that long what waits for its time need not wait any longer.
_IMPATIENT_SECONDS = 3
_EXIT_CODES = itertools.count(1)
_LEASES = (("job", "lease_until", "state = 'running'"),)
_WAITS = (
    ("job", "next_attempt_at", "state = 'waiting'"),
    ("job", "offered_until", "state = 'waiting'"),
    ("destination", "rests_until", "rests_until IS NOT NULL"),
)


@dataclass
class ForkedNode(Node):
    """Starts and restarts its parts in tenths of a second; with `is_mortal` they may be let die."""

    nursery: Nursery = field(kw_only=True)
    is_mortal: bool = False

    @property
    def triggers(self) -> Path:
        return self.folder / "triggers"

    def become_mortal(self) -> None:
        """Start each part anew, with all of its failpoints."""
        self.is_mortal = True
        self.triggers.mkdir()
        for part in list(self.processes):
            self.kill(part)
            self.start(part)
        self.wait_until_listening()

    def let_die(self, point: Failpoint) -> None:
        trigger = trigger_of(point, self.triggers)
        trigger.with_suffix(".hit").unlink(missing_ok=True)
        trigger.touch()

    def await_death(self, *points: Failpoint) -> Failpoint:
        """Until a part has died at one of the points: at which one."""
        what = f"the death of {' or '.join(f'{one.part} when {one.name}' for one in points)}"
        deadline = time.monotonic() + DEATH_SECONDS
        while True:
            try:
                died = wait_for(lambda: self._died_at(points), what, _IMPATIENT_SECONDS)
            except AssertionError:
                if time.monotonic() > deadline:
                    raise
                self.let_time_pass()
            else:
                del self.processes[died.part]
                return died

    def _died_at(self, points: Sequence[Failpoint]) -> Failpoint | None:
        for point in points:
            hit = trigger_of(point, self.triggers).with_suffix(".hit")
            if hit.exists() and not self.is_alive(point.part):
                return point
        return None

    def let_time_pass(self) -> None:
        """What runs out with time has run out: offers, delays and rests."""
        self._set_past(_WAITS)

    def let_leases_run_out(self) -> None:
        """Whoever holds a job may be dead."""
        self._set_past(_LEASES)

    def _set_past(self, moments: Sequence[tuple[str, str, str]]) -> None:
        with self.ledger.begin() as connection:
            for table, column, which in moments:
                past = "2000-01-01T00:00:00.000Z"
                statement = f"UPDATE {table} SET {column} = '{past}' WHERE {which}"
                connection.execute(text(statement))

    def _run(self, name: str, arguments: list[str]) -> Any:
        if self.source != ROOT:
            return super()._run(name, arguments)
        for kind in ("logs", "exit-codes"):
            (self.folder / kind).mkdir(parents=True, exist_ok=True)
        return self.nursery.start(
            Birth(
                arguments,
                self._environment(name),
                str(self.folder / "logs" / f"{name}.log"),
                str(self.folder / "exit-codes" / str(next(_EXIT_CODES))),
                name,
                str(self.triggers) if self.is_mortal else "",
            )
        )


@contextmanager
def forked_node(
    folder: Path, nursery: Nursery, *parts: str, **settings: Any
) -> Iterator[ForkedNode]:
    """A node of forks whose `parts` run (all where none is named) until the test is over."""
    node = ForkedNode(folder, settings, nursery=nursery)
    try:
        node.upgrade()
        node.start(*(parts or PARTS))
        node.wait_until_listening()
        yield node
    finally:
        node.close()
