"""What strangers can cause by the thousand: counted, and written into the trail now and then."""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from sqlalchemy.orm import Session

from db.audit import AuditRecord, record_event

_KINDS_MAX = 50
_OTHERS = "(others)"


class AuditTally:
    """An attack costs a count, and the trail one event a turn for each who was refused.

    After so many of them in one turn the rest are one event without names.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[AuditRecord] = Counter()

    def note(self, record: AuditRecord) -> None:
        """Costs no transaction."""
        with self._lock:
            if record not in self._counts and len(self._counts) >= _KINDS_MAX:
                record = replace(record, actor=_OTHERS, address="")
            self._counts[record] += 1

    def write(self, session: Session) -> Callable[[], None]:
        """Within the caller's transaction; what it returns is called once that is committed."""
        with self._lock:
            written = self._counts.copy()
        for record, count in written.items():
            times = f"{count} times" if count > 1 else None
            detail = "; ".join(part for part in (record.detail, times) if part) or None
            record_event(session, replace(record, detail=detail))

        def forget() -> None:
            with self._lock:
                self._counts -= written

        return forget
