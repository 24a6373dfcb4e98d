"""Caring for the audit trail in threads of their own: a repository away holds up nothing."""

import threading
from collections.abc import Callable
from typing import Self

import structlog
from sqlalchemy.exc import DBAPIError

from db.audit_files import AuditKeyMissing
from db.session import LedgerUnavailable, LedgerUnsafe, ValueNotHeld

log = structlog.get_logger(__name__)

_TURN_SECONDS = 1.0
_STOP_SECONDS = 5.0
_LEDGER_TROUBLE = (LedgerUnavailable, LedgerUnsafe, ValueNotHeld, DBAPIError)


class Turns:
    """Takes a turn each second in a thread of its own; trouble is logged once, and tried again."""

    def __init__(self, name: str, turn: Callable[[], None], *, at_end: bool = False) -> None:
        self._name, self._turn, self._at_end = name, turn, at_end
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name=name, daemon=True)
        self._said: str | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join(_STOP_SECONDS)

    def _go_on(self) -> None:
        self._take()
        while not self._stopping.wait(_TURN_SECONDS):
            self._take()
        if self._at_end:
            self._take()

    def _take(self) -> None:
        try:
            self._turn()
        except (*_LEDGER_TROUBLE, AuditKeyMissing, OSError) as error:
            reason = str(error) if isinstance(error, AuditKeyMissing) else type(error).__name__
            if reason != self._said:
                log.warning("audit_put_off", what=self._name, reason=reason)
            self._said = reason
        else:
            self._said = None
