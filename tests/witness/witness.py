"""The witness: it sends, receives and checks, and knows nothing of the node but its outside.

It imports no room of the node. What it says rests on four things alone: the log that each of its
clients keeps of what was acknowledged, the PACS of its own in a process of its own, the files of
the spool and the rows of the database, which it reads with SQL of its own.

    with Witness(tmp_path / "witness") as witness:
        node = …                              # destinations=witness.sink.address
        witness.watch(node.ledger_url)        # before the load, to see stale writes (I5)
        client = witness.client(node.address)
        client.insist(witness_study("name"), limit_seconds=60)
        witness.wait_until_settled(node.ledger_url, limit_seconds=120)
        assert witness.check(node.spool.root, node.ledger_url) == []
        print(witness.report())

`check` looks at a node whose studies have come to an end; with `only` at some invariants whenever
one likes (`only=("I1", "I2", "I8")` hold at any moment, after a sweep). `invariants.py` says what
each of them asks. `studies.py` makes small studies, `sink.py` tells the PACS how to fail.
"""

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.witness.acknowledgements import AcknowledgementLog, Outcome, acknowledged
from tests.witness.client import Address, Client
from tests.witness.fences import watch_fences
from tests.witness.invariants import INVARIANTS, unnamed_files
from tests.witness.ledger import UNAVAILABLE, Ledger, open_for_witness
from tests.witness.records import Records, Violation
from tests.witness.settling import unsettled
from tests.witness.sink import Sink

_POLL_SECONDS = 0.3
AT_ANY_MOMENT = ("I1", "I2", "I5", "I6", "I8")
_OF_A_RESTORED_NODE = ("I1", "I2", "I4", "I6", "I7")


@dataclass
class Witness:
    """Keeps its logs in `folder`; in a `with`, so that its PACS ends with it."""

    folder: Path
    clients: list[Client] = field(default_factory=list)
    _found: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> "Witness":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if "sink" in self.__dict__:
            self.sink.close()

    @cached_property
    def sink(self) -> Sink:
        """The PACS; it listens from the first time that one asks for it."""
        return Sink(self.folder / "sink").__enter__()

    def client(self, address: Address, ae_title: str = "XRAYROOM", **settings: Any) -> Client:
        """A new client of the node at `address`, with a log of its own."""
        log = AcknowledgementLog(self.folder / f"client-{len(self.clients) + 1}.jsonl")
        client = Client(address, log, ae_title, **settings)
        self.clients.append(client)
        return client

    def outcomes(self) -> list[Outcome]:
        """How every sending of every client ended."""
        return [outcome for client in self.clients for outcome in client.log.outcomes()]

    def acknowledged(self) -> dict[str, str]:
        """SHA-256 of each acknowledged data set, by SOP Instance UID."""
        answered = acknowledged(self.outcomes())
        return {one.sending.sop_instance_uid: one.sending.sha256 for one in answered}

    def watch(self, database_url: str) -> None:
        """From now on I5 can be judged; the ledger must have its schema."""
        with open_for_witness(database_url) as ledger:
            watch_fences(ledger)

    def wait_until_settled(self, database_url: str, *, limit_seconds: float = 120) -> float:
        """Seconds until no work was left (I3); AssertionError with what is left at the limit."""
        began = time.monotonic()
        while left := _left(database_url):
            waited_seconds = time.monotonic() - began
            assert waited_seconds < limit_seconds, "\n".join(["still open:", *map(str, left[:10])])
            time.sleep(_POLL_SECONDS)
        return time.monotonic() - began

    def check(
        self, spool: Path, database_url: str, only: Iterable[str] = tuple(INVARIANTS)
    ) -> list[Violation]:
        """All that does not hold; with the sink's arrivals and the outcomes as they are now."""
        with open_for_witness(database_url) as ledger, ledger.snapshot():
            records = self._records(spool, ledger)
            violations = [one for name in only for one in INVARIANTS[name](records)]
            self._found = _figures(records) | {"violations": [str(one) for one in violations]}
        return violations

    def check_restored(
        self, spool: Path, database_url: str, *, moment: datetime
    ) -> list[Violation]:
        """What must hold of a node restored from a backup begun at `moment` (with a time zone).

        What was acknowledged later is lost with the disk, and is asked for no more; what the PACS
        has of studies that the restored ledger does not know is left out.
        """
        with open_for_witness(database_url) as ledger, ledger.snapshot():
            records = self._records(spool, ledger).before(moment)
            known = [one for one in records.reports_sent if one.study in records.images]
            records.__dict__["reports_sent"] = known
            return [one for name in _OF_A_RESTORED_NODE for one in INVARIANTS[name](records)]

    def report(self) -> dict[str, Any]:
        """What the last check looked at, as figures, and what did not hold."""
        return self._found

    def _records(self, spool: Path, ledger: Ledger) -> Records:
        arrivals = self.sink.arrivals() if "sink" in self.__dict__ else []
        return Records(spool, ledger, self.outcomes(), arrivals)


def _left(database_url: str) -> list[Violation]:
    try:
        with open_for_witness(database_url) as ledger:
            return unsettled(ledger)
    except UNAVAILABLE as error:
        return [Violation("I3", "ledger", str(error).strip())]


def _figures(records: Records) -> dict[str, Any]:
    answers = Counter(
        f"0x{one.answer:04X}" if isinstance(one.answer, int) else one.answer
        for one in records.outcomes
    )
    reports = [one.sop_instance_uid for one in records.arrivals if one.is_report and one.is_kept]
    jobs = records.ledger.rows("SELECT state, count(*) AS n FROM job GROUP BY state")
    given_up = "SELECT kind || ': ' || last_error FROM job WHERE state = 'dead'"
    return {
        "sendings": len(records.outcomes),
        "answers": dict(answers),
        "instances acknowledged": len(
            {one.sending.sop_instance_uid for one in acknowledged(records.outcomes)}
        ),
        "instances in the ledger": len(records.instances),
        "SRs at the PACS": len(set(reports)),
        "SRs that came again": len(reports) - len(set(reports)),
        "jobs": {row["state"]: row["n"] for row in jobs},
        "given up": dict(Counter(records.ledger.values(given_up))),
        "kept files that no row names": len(unnamed_files(records)),
    }
