"""Retention beside the beat: a thread that removes what may go, and never holds up an offer."""

import threading
from collections.abc import Callable
from typing import Self

import structlog

from db.session import LedgerUnavailable
from dicom_node.discretion import last_place
from dicom_node.keeping.purging import Purger
from dicom_node.spool import SpoolError
from worker.kitchen import Kitchen

log = structlog.get_logger(__name__)

_STEP_SECONDS = 60.0
# Between two steps while there is more to do: others want the disk and the database too.
_BREATH_SECONDS = 0.5


def purger_of(kitchen: Kitchen) -> Purger:
    return Purger(kitchen.ledger, kitchen.spool, kitchen.plan.retention)


class RetentionKeeper:
    """Takes a step a minute, or one after the other while there is more to remove.

    Each goes through a 256th of the spool for strays too: all of it in some four hours.
    """

    def __init__(self, make_purger: Callable[[], Purger], seconds: float = _STEP_SECONDS) -> None:
        self._make_purger, self._seconds = make_purger, seconds
        self._purger: Purger | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="retention", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """What is under way is committed or was never begun: it need not be waited for."""
        self._stopping.set()

    def _keep(self) -> None:
        waits = self._seconds
        while not self._stopping.wait(waits):
            waits = _BREATH_SECONDS if self._step() else self._seconds

    def _step(self) -> bool:
        """Whether there is more to do at once."""
        try:
            purger = self._purger = self._purger or self._make_purger()
            has_more = purger.step().has_more
            if not has_more:
                purger.strays.step()
            return has_more
        except (LedgerUnavailable, SpoolError) as error:
            log.warning("retention_put_off", reason=type(error).__name__)
        except Exception as error:  # noqa: BLE001 - the task boundary: the beat goes on
            log.error("retention_failed", error=type(error).__name__, at=last_place(error))
        return False
