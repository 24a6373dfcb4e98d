"""Breaking one promise in a copy of the source: what both lists of broken builds are made with."""

from dataclasses import dataclass
from pathlib import Path

COMMIT = """        with transaction(self._engine) as session:
            self._rows.open_row(session, event.assoc)
            intake = record_instance(session, instance)
"""
SEND = """    try:
        acceptance = send()
"""
MARK_AND_SEND = """    with transaction(kitchen.ledger) as session:
        before = Acceptance(item.candidates[0].object_id, 0, None)
        mark_sent(session, claim, item.delivery_id, before)
    try:
        acceptance = send()
"""


def commit_later(seconds: float) -> str:
    """In place of COMMIT: the answer does not wait for it."""
    return f"""        import threading

        def later() -> None:
            with transaction(self._engine) as session:
                self._rows.open_row(session, event.assoc)
                record_instance(session, instance)

        threading.Timer({seconds}, later).start()
        intake = Intake.STORED
"""


@dataclass(frozen=True)
class SourceBreak:
    """`old` in `file` becomes `new`, and `appended` goes to its end."""

    file: str
    old: str
    new: str
    appended: str = ""

    def apply(self, source: Path) -> None:
        path = source / self.file
        text = path.read_text()
        assert text.count(self.old) == 1, f"{self.file} is written otherwise by now: mend the list"
        path.write_text(text.replace(self.old, self.new) + self.appended)
