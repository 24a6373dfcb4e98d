"""A long load on a node that nobody disturbs: what its processes hold must not grow with it."""

import itertools
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from pydicom.dataset import Dataset

from tests.end_to_end.node import Node
from tests.witness.client import Client
from tests.witness.resources import Sampler
from tests.witness.studies import witness_study
from tests.witness.witness import Witness

_PATIENCE_SECONDS = 300


@dataclass(frozen=True)
class LongLoad:
    """Studies of `images` radiographs and `others` beside them, until one of the limits."""

    instances: int
    minutes: float
    images: int = 2
    others: int = 48
    clients: int = 4
    name: str = "soak"

    def studies(self) -> Iterator[list[Dataset]]:
        deadline = time.monotonic() + self.minutes * 60
        for number in range(-(-self.instances // (self.images + self.others))):
            if time.monotonic() > deadline:
                return
            yield witness_study(f"{self.name}-{number}", images=self.images, others=self.others)


@dataclass
class Endurance:
    """`sampler` has what was held when, once `run` has returned."""

    node: Node
    witness: Witness
    every_seconds: float = 5
    seconds: float = 0
    acknowledged: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, load: LongLoad) -> Sampler:
        """Send it all, and wait until the node has done its work."""
        began = time.monotonic()
        sampler = Sampler(
            self._processes, self.node.ledger_url, lambda: self.acknowledged, self.every_seconds
        )
        studies = load.studies()
        with sampler:
            with ThreadPoolExecutor(load.clients) as clients:
                sending = [
                    clients.submit(self._send, self._client(number), studies)
                    for number in range(load.clients)
                ]
            self.seconds = time.monotonic() - began
            for client in sending:
                client.result()
            self.witness.wait_until_settled(self.node.ledger_url, limit_seconds=_PATIENCE_SECONDS)
        return sampler

    def _client(self, number: int) -> Client:
        return self.witness.client(self.node.address, f"XRAYROOM{number}")

    def _send(self, client: Client, studies: Iterator[list[Dataset]]) -> None:
        while study := self._next(studies):
            client.insist(study, limit_seconds=_PATIENCE_SECONDS)
            with self._lock:
                self.acknowledged += len(study)

    def _next(self, studies: Iterator[list[Dataset]]) -> list[Dataset]:
        with self._lock:
            return next(itertools.chain(studies, [[]]))

    def _processes(self) -> dict[str, int]:
        return {part: process.pid for part, process in list(self.node.processes.items())}
