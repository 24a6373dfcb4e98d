"""Removes from the spool what the ledger's rows have let go of, and what no row ever named."""

import random
from itertools import islice

import structlog
from sqlalchemy import Engine

from db.leaving_files import forget_leaving, known_keys, leaving_keys, named_keys
from db.session import reading, transaction
from dicom_node.spool import SHELVES, Spool

log = structlog.get_logger(__name__)

# Longer than from the moment that a file is written to the commit of its row.
SETTLED_SECONDS = 3600.0
# Longer than a worker's longest step, and than any clock is set by hand.
STRAY_SECONDS = 48 * 3600.0
_BATCH = 200
_SAMPLE = 200


def remove_leaving(
    ledger: Engine, spool: Spool, *, settled_seconds: float = SETTLED_SECONDS
) -> int:
    """Remove the files on their way out; how many. What was written just now waits for later."""
    removed, after = 0, ""
    while True:
        with reading(ledger) as session:
            keys = leaving_keys(session, after=after, limit=_BATCH)
            named = named_keys(session, keys)
        if not keys:
            return removed
        gone = [
            key
            for key in keys
            if key not in named and spool.remove(key, settled_seconds=settled_seconds)
        ]
        if gone or named:
            with transaction(ledger) as session:
                # Of those that a row names again, and still does, the note alone goes.
                forget_leaving(session, [*gone, *named_keys(session, named)])
        removed += len(gone)
        after = keys[-1]


class StraySweep:
    """A walk through the spool, shelf by shelf: a file that no row names is removed.

    Such files stay where a process was killed between writing one and committing its row. Before
    each round it is asked whether the ledger knows most of what is there: with another hospital's
    ledger, or an empty one, every file would be a stray.
    """

    def __init__(self, ledger: Engine, spool: Spool, *, settled_seconds: float = STRAY_SECONDS):
        self._ledger = ledger
        self._spool = spool
        self._settled_seconds = settled_seconds
        self._shelf = 0

    def step(self) -> int:
        """Sweep the next shelf; how many files were removed."""
        if self._shelf == 0 and not self._is_the_right_ledger():
            return 0
        removed = self._sweep(self._shelf)
        self._shelf = (self._shelf + 1) % SHELVES
        if removed:
            log.info("strays_removed", files=removed)
        return removed

    def round(self) -> int:
        """All shelves, from wherever the walk is."""
        return sum(self.step() for _ in range(SHELVES))

    def _sweep(self, shelf: int) -> int:
        keys = self._settled(shelf)
        with reading(self._ledger) as session:
            strays = set(keys) - named_keys(session, keys)
        return sum(
            self._spool.remove(key, settled_seconds=self._settled_seconds) for key in sorted(strays)
        )

    def _is_the_right_ledger(self) -> bool:
        shelves = random.sample(range(SHELVES), SHELVES)
        sample = list(islice((key for one in shelves for key in self._settled(one)), _SAMPLE))
        with reading(self._ledger) as session:
            known = len(known_keys(session, sample))
        if 2 * known >= len(sample):
            return True
        log.error("strays_unexplained", files_looked_at=len(sample), known=known)
        return False

    def _settled(self, shelf: int) -> list[str]:
        return self._spool.settled_keys(shelf, settled_seconds=self._settled_seconds)
