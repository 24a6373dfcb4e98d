"""Log lines that strangers can cause by the thousand: some of each kind, and then how many more."""

import threading
import time
from dataclasses import dataclass
from typing import Any

import structlog

from db.audit import PEER, Action, AuditRecord, Outcome
from db.audit_tally import AuditTally

log = structlog.get_logger(__name__)

_WINDOW_SECONDS = 60
_LINES_PER_WINDOW = 20
_REFUSALS = ("association_rejected", "connection_refused", "handshake_refused")


@dataclass
class _Window:
    began_at: float
    lines: int = 0
    left_out: int = 0


class RefusalLog:
    """Warns of what was refused; an attack fills neither the disk nor the eyes of who reads it."""

    def __init__(
        self,
        window_seconds: float = _WINDOW_SECONDS,
        lines_per_window: int = _LINES_PER_WINDOW,
        tally: AuditTally | None = None,
    ) -> None:
        self._tally = tally or AuditTally()
        self._window_seconds = window_seconds
        self._lines_per_window = lines_per_window
        self._windows: dict[tuple[str, str], _Window] = {}
        self._lock = threading.Lock()

    def warning(self, event: str, *, kind: str = "", **values: Any) -> None:
        """Log the event, unless as many of its kind as are wanted were logged just now.

        Those in _REFUSALS are counted for the audit trail, too.
        """
        if event in _REFUSALS:
            self._tally.note(_refused(event, kind, values))
        with self._lock:
            window = self._windows.setdefault((event, kind), _Window(time.monotonic()))
            window.lines += 1
            if window.lines > self._lines_per_window:
                window.left_out += 1
                return
        log.warning(event, **({"reason": kind} if kind else {}), **values)

    def sum_up(self) -> None:
        """Say what was left out where the time is up, and begin anew; called now and then."""
        now = time.monotonic()
        with self._lock:
            over = [
                (what, window)
                for what, window in self._windows.items()
                if now - window.began_at >= self._window_seconds
            ]
            for what, _ in over:
                del self._windows[what]
        for (event, kind), window in over:
            if window.left_out:
                log.warning("more_refusals", of=event, reason=kind, count=window.left_out)


def _refused(event: str, kind: str, values: dict[str, Any]) -> AuditRecord:
    return AuditRecord(
        actor=values.get("calling_ae_title") or values["address"],
        role=PEER,
        action=Action.PEER_REFUSED,
        address=values["address"],
        outcome=Outcome.REFUSED,
        detail=str(kind) or event.replace("_", " "),
    )
