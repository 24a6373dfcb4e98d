"""What a client sent and how each sending ended, in a log of its own.

A line is written before an object is sent, another when its fate is known. That of a success
(0000) is synced before the next object is sent: what the log has, the node has promised to keep.
"""

import json
import os
import threading
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

SUCCESS = 0x0000
BROKEN = "broken"  # the association ended before an answer came
SILENT = "silent"  # it stayed open, and nothing came


@dataclass(frozen=True)
class Sending:
    """One data set as it was sent; `identity` are its patient's attributes by keyword."""

    sop_instance_uid: str
    study_instance_uid: str
    sha256: str  # of the encoded data set, without file meta information
    identity: dict[str, str]


@dataclass(frozen=True)
class Outcome:
    """How a sending ended: `answer` is a C-STORE status, "broken" or "silent"; `at` when."""

    sending: Sending
    answer: int | str
    at: datetime

    @property
    def is_acknowledged(self) -> bool:
        return self.answer == SUCCESS


@dataclass
class AcknowledgementLog:
    """The log of one client, which no other writes to."""

    path: Path
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note_sending(self, sending: Sending) -> None:
        self._append({"sending": asdict(sending)}, is_synced=False)

    def note_outcome(self, sending: Sending, answer: int | str) -> None:
        """Returns once a success is on the disk."""
        line = {"of": sending.sop_instance_uid, "sha256": sending.sha256, "answer": answer}
        self._append({**line, "at": datetime.now(UTC).isoformat()}, answer == SUCCESS)

    def outcomes(self) -> list[Outcome]:
        """In the order they were noted; a sending whose end was never noted is silent."""
        return list(_ends(_lines(self.path)))

    def _append(self, line: dict[str, object], is_synced: bool) -> None:
        with self._lock, self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            if is_synced:
                os.fsync(file.fileno())


def acknowledged(outcomes: Iterable[Outcome]) -> list[Outcome]:
    return [one for one in outcomes if one.is_acknowledged]


def _lines(path: Path) -> Iterator[dict[str, object]]:
    if path.exists():
        with path.open() as file:
            yield from (json.loads(line) for line in file)


def _ends(lines: Iterable[dict[str, object]]) -> Iterator[Outcome]:
    open_sendings: dict[tuple[object, object], Sending] = {}
    for line in lines:
        if "sending" in line:
            sending = Sending(**line["sending"])  # type: ignore[arg-type]
            open_sendings[sending.sop_instance_uid, sending.sha256] = sending
        else:
            sending = open_sendings.pop((line["of"], line["sha256"]))
            at = datetime.fromisoformat(str(line["at"]))
            yield Outcome(sending, line["answer"], at)  # type: ignore[arg-type]
    for sending in open_sendings.values():
        yield Outcome(sending, SILENT, datetime.now(UTC))
