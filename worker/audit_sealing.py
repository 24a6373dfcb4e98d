"""Sealing what was written into the audit trail, and keeping its end outside the database."""

from collections.abc import Callable, Sequence
from typing import Protocol

import structlog
from sqlalchemy import Engine

from db.audit import NODE, Action, AuditRecord, Outcome, record_event
from db.audit_chain import ChainBroken, end_of_chain, has_unsealed, seal_events
from db.audit_files import AuditFiles, AuditKeyMissing
from db.session import reading, transaction

log = structlog.get_logger(__name__)


class ChangesNoticed(Protocol):
    """What is not as it was when the node was last started, and is remembered once it is noted."""

    def records(self, key: bytes) -> Sequence[AuditRecord]: ...

    def remember(self, key: bytes) -> None: ...


class Sealer:
    """Seals what was committed, and keeps the end of the chain outside the database."""

    def __init__(
        self,
        ledger: Callable[[], Engine],
        files: AuditFiles,
        node: str,
        changes: ChangesNoticed | None = None,
    ) -> None:
        self._ledger, self._files, self._node = ledger, files, node
        self._changes = changes
        self._key: bytes | None = None

    def turn(self) -> None:
        """Seal all that waits; raises LedgerUnavailable, AuditKeyMissing or OSError."""
        ledger = self._ledger()
        key = self._key = self._key or self._found_key(ledger)
        if self._changes is not None:
            self._note_changes(ledger, key, self._changes)
            self._changes = None
        while self._waits(ledger):
            try:
                with transaction(ledger) as session:
                    head = seal_events(session, key, self._files.head())
            except ChainBroken as broken:
                self._report(ledger, broken)
            else:
                self._files.keep_head(head)

    def _waits(self, ledger: Engine) -> bool:
        with reading(ledger) as session:
            return has_unsealed(session)

    def _found_key(self, ledger: Engine) -> bytes:
        try:
            return self._files.key()
        except AuditKeyMissing:
            with reading(ledger) as session:
                if end_of_chain(session).sequence:
                    raise
            return self._files.make_key()

    def _note_changes(self, ledger: Engine, key: bytes, changes: ChangesNoticed) -> None:
        with transaction(ledger) as session:
            for record in changes.records(key):
                record_event(session, record)
        changes.remember(key)

    def _report(self, ledger: Engine, broken: ChainBroken) -> None:
        """An event of its own; where it ended is kept, and the chain goes on from what is left."""
        log.error("audit_chain_broken", reason=str(broken))
        with transaction(ledger) as session:
            record_event(
                session,
                AuditRecord(
                    actor=self._node,
                    role=NODE,
                    action=Action.CHAIN_BROKEN,
                    address="",
                    outcome=Outcome.FAILED,
                    detail=str(broken),
                ),
            )
        self._files.set_head_aside()
