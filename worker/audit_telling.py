"""Telling the audit trail to the repository; the trail itself is what waits for it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import Engine

from db.audit_forwarding import (
    ForwardedEvent,
    begin_forwarding,
    events_to_forward,
    note_forwarded,
    note_forwarding_failed,
)
from db.session import reading, transaction
from dicom_node.peer import PeerTrouble
from messages.audit_codes import ALERT, kind_of
from messages.audit_message import AuditSource, build_message
from messages.audit_syslog import (
    AuditRepository,
    SyslogMessage,
    send_messages,
    verify_repository,
)

log = structlog.get_logger(__name__)

_RESTS_SECONDS = (2, 5, 15, 60)  # after so many failures in a row


@dataclass(frozen=True)
class Telling:
    """To whom the trail is told, and who tells it."""

    repository: AuditRepository
    source: AuditSource
    host: str


class Forwarder:
    """Tells the repository what is sealed: in order, and nothing is passed over."""

    def __init__(self, ledger: Callable[[], Engine], telling: Telling) -> None:
        self._ledger, self._telling = ledger, telling
        self._failures = 0
        self._rests_until = 0.0
        self._has_begun = False
        self._is_proven = False  # the repository took something on our last attempt

    def turn(self) -> None:
        """Tell all that waits, unless the repository rests; raises LedgerUnavailable."""
        while time.monotonic() >= self._rests_until and self._tell_some():
            pass

    def _tell_some(self) -> bool:
        ledger = self._ledger()
        if not self._has_begun:
            with transaction(ledger) as session:
                begin_forwarding(session)
            self._has_begun = True
        with reading(ledger) as session:
            events = events_to_forward(session)
        if not events:
            return False
        try:
            self._send(events)
        except PeerTrouble as trouble:
            self._rest(ledger, str(trouble))
            return False
        with transaction(ledger) as session:
            note_forwarded(session, events[-1].sequence)
        if self._failures:
            log.info("audit_forwarding_again")
        self._failures, self._is_proven = 0, True
        return True

    def _send(self, events: Sequence[ForwardedEvent]) -> None:
        if not self._is_proven:  # else it would get the same events again and again
            verify_repository(self._telling.repository)
        send_messages(self._telling.repository, [self._message(event) for event in events])

    def _message(self, event: ForwardedEvent) -> SyslogMessage:
        return SyslogMessage(
            sequence=event.sequence,
            happened_at=event.happened_at,
            host=self._telling.host,
            is_alert=kind_of(event.action).event == ALERT,
            content=build_message(event, self._telling.source),
        )

    def _rest(self, ledger: Engine, error: str) -> None:
        if not self._failures:
            log.warning("audit_not_forwarded", reason=error)
        rest = _RESTS_SECONDS[min(self._failures, len(_RESTS_SECONDS) - 1)]
        self._failures += 1
        self._is_proven = False
        self._rests_until = time.monotonic() + rest
        with transaction(ledger) as session:
            note_forwarding_failed(session, error)
