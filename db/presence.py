"""Which processes of the node are there: each says so of itself, by the database's clock."""

import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

import structlog
from sqlalchemy import Engine, delete, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from db.audit import NODE, Action, AuditRecord, record_event
from db.audit_tally import AuditTally
from db.clock import database_now
from db.session import LedgerUnavailable, LedgerUnsafe, ValueNotHeld, transaction
from db.tables import Presence
from db.upsert import insert_or_update

log = structlog.get_logger(__name__)

KEEP_SECONDS = 10.0
SILENT_SECONDS = 60.0
FORGOTTEN_SECONDS = 7 * 24 * 3600.0
# An orderly end does not wait longer than this for a ledger that does not answer.
_LEAVE_SECONDS = 5.0


@dataclass(frozen=True)
class RunningProcess:
    """What a process says of itself; `part` is listener, worker, beat, web or gateway."""

    part: str
    queues: tuple[str, ...] = ()  # of a worker
    device: str | None = None  # where its classifier runs, once it has been loaded
    model_version: str | None = None
    host: str = field(default_factory=socket.gethostname)
    process_id: int = field(default_factory=os.getpid)


@dataclass(frozen=True)
class ListedProcess:
    """A process as the ledger knows it; silent: it said nothing for SILENT_SECONDS."""

    part: str
    host: str
    process_id: int
    queues: list[str]
    device: str | None
    model_version: str | None
    started_at: datetime
    seen_at: datetime
    is_silent: bool


def note_presence(
    session: Session, process: RunningProcess, *, running_seconds: float | None = None
) -> None:
    """The process is there now, and others silent for FORGOTTEN_SECONDS are forgotten.

    `running_seconds` with the first note of a process: another may have had its number before.
    """
    key = {"part": process.part, "host": process.host, "process_id": process.process_id}
    changes = {
        "queues": list(process.queues),
        "device": process.device,
        "model_version": process.model_version,
        "seen_at": database_now(),
    }
    if running_seconds is not None:
        changes["started_at"] = database_now(-running_seconds)
    insert_or_update(session, Presence, key | changes, key=tuple(key), changes=changes)
    forgotten = delete(Presence).where(Presence.seen_at < database_now(-FORGOTTEN_SECONDS))
    session.execute(forgotten.execution_options(synchronize_session=False))


def leave(session: Session, process: RunningProcess) -> None:
    """The process ends in order: it is not listed as silent."""
    session.execute(
        delete(Presence).where(
            Presence.part == process.part,
            Presence.host == process.host,
            Presence.process_id == process.process_id,
        )
    )


def processes(session: Session) -> list[ListedProcess]:
    """Every process that has not left, by part, host and number."""
    asked = select(
        Presence.part,
        Presence.host,
        Presence.process_id,
        Presence.queues,
        Presence.device,
        Presence.model_version,
        Presence.started_at,
        Presence.seen_at,
        Presence.seen_at < database_now(-SILENT_SECONDS),
    ).order_by(Presence.part, Presence.host, Presence.process_id)
    return [ListedProcess(*row[:-1], is_silent=bool(row[-1])) for row in session.execute(asked)]


class PresenceKeeper:
    """Says from a thread of its own that this process is there; never troubles the process.

    The ledger is asked for anew each time, and `describe` too: what it says may change. What the
    process has counted in its `tally` goes into the audit trail with it.
    """

    def __init__(
        self,
        engine_source: Callable[[], Engine],
        describe: Callable[[], RunningProcess],
        seconds: float = KEEP_SECONDS,
        tally: AuditTally | None = None,
    ) -> None:
        self._engine_source, self._describe, self._seconds = engine_source, describe, seconds
        self._tally = tally or AuditTally()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="presence", daemon=True)
        self._started = time.monotonic()
        self._is_known = False  # the ledger has this process, and when it started
        self._is_told = False  # that the ledger is away, which is logged once

    def start(self) -> None:
        """Returns at once, whether the ledger answers or not."""
        self._thread.start()

    def stop(self) -> None:
        """The process leaves, unless the ledger does not answer for some seconds.

        One that has not started yet has nothing to leave.
        """
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(_LEAVE_SECONDS)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _keep(self) -> None:
        self._say(self._note)
        while not self._stopping.wait(self._seconds):
            self._say(self._note)
        self._say(self._leave)

    def _note(self, session: Session) -> None:
        running_seconds = None if self._is_known else time.monotonic() - self._started
        process = self._describe()
        note_presence(session, process, running_seconds=running_seconds)
        if not self._is_known:
            record_event(session, _event(process, Action.PART_STARTED))

    def _leave(self, session: Session) -> None:
        process = self._describe()
        leave(session, process)
        record_event(session, _event(process, Action.PART_STOPPED))

    def _say(self, what: Callable[[Session], None]) -> None:
        try:
            with transaction(self._engine_source()) as session:
                what(session)
                forget = self._tally.write(session)
            forget()
        except (LedgerUnavailable, LedgerUnsafe, ValueNotHeld, DBAPIError) as error:
            if not self._is_told:
                log.warning("presence_not_noted", reason=type(error).__name__)
            self._is_told = True
        else:
            self._is_known, self._is_told = True, False


def _event(process: RunningProcess, action: Action) -> AuditRecord:
    named = f"{process.part} {process.process_id}"
    return AuditRecord(named, NODE, action, address=process.host)
