"""A campaign of kill -9: a load that clients send, and components of the node that die under it.

When one dies depends on how far the work has come, not on a clock: so every death falls into work,
whether the machine is fast or slow, and from the first instance sent to the last one analysed.
"""

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime

import psutil
from pydicom.dataset import Dataset

from tests.end_to_end.node import Node
from tests.witness.client import Client
from tests.witness.ledger import UNAVAILABLE, open_for_witness
from tests.witness.studies import witness_studies
from tests.witness.witness import Witness

_POLL_SECONDS = 0.05
_STALLED_SECONDS = 180
# kill -9, and what makes it run again; False: there was nothing to kill just now.
Blow = Callable[[], bool]


@dataclass(frozen=True)
class Load:
    """What is sent by how many clients at a time, and how many kills meanwhile."""

    studies: int
    images: int
    kills: int
    clients: int = 4
    looked_at: int = 1

    @property
    def instances(self) -> int:
        return self.studies * self.images


@dataclass
class Campaign:
    """`blows` are by component; one is drawn after their `weights` for each kill."""

    node: Node
    witness: Witness
    blows: Mapping[str, Blow]
    weights: Mapping[str, int]
    chance: random.Random
    kills: Counter[str] = field(default_factory=Counter)
    seconds: float = 0
    _acknowledged: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, load: Load, name: str = "load") -> None:
        """Returns when all is acknowledged and the last kill is done."""
        began = time.monotonic()
        # Each instance counts twice: when it is acknowledged, and when it has its result.
        moments = sorted(self.chance.sample(range(2 * load.instances), load.kills))
        studies = list(witness_studies(name, load.studies, load.images, load.looked_at))
        with ThreadPoolExecutor(load.clients) as clients:
            sending = [
                clients.submit(self._send, self._client(number), studies[number :: load.clients])
                for number in range(load.clients)
            ]
            self._strike(moments, sending)
            for client in sending:
                client.result()
        self.seconds = time.monotonic() - began

    def _strike(self, moments: Sequence[int], sending: "Sequence[Future[None]]") -> None:
        for moment in moments:
            self._await_progress(moment, sending)
            self._kill_one()

    def _await_progress(self, moment: int, sending: "Sequence[Future[None]]") -> None:
        deadline = time.monotonic() + _STALLED_SECONDS
        while self._progress() < moment:
            assert time.monotonic() < deadline, f"work stands still before its step {moment}"
            for client in sending:
                if client.done():
                    client.result()  # raises what it met
            time.sleep(_POLL_SECONDS)

    def _progress(self) -> int:
        try:
            with open_for_witness(self.node.ledger_url) as ledger:
                [analysed] = ledger.values("SELECT count(*) FROM analysis")
        except UNAVAILABLE:
            return 0
        return self._acknowledged + int(analysed)

    def _kill_one(self) -> None:
        """Something that runs just now; drawn again where the component is not there."""
        components = list(self.weights)
        while True:
            [component] = self.chance.choices(components, list(self.weights.values()))
            if self.blows[component]():
                self._note(component)
                return
            time.sleep(_POLL_SECONDS)

    def _note(self, component: str) -> None:
        self.kills[component] += 1
        line = {"at": datetime.now(UTC).isoformat(), "killed": component}
        print(f"{line['at']} kill -9 {component} at step {self._progress()}")
        with (self.witness.folder / "kills.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")

    def _client(self, number: int) -> Client:
        return self.witness.client(self.node.address, f"XRAYROOM{number}")

    def _send(self, client: Client, studies: Sequence[list[Dataset]]) -> None:
        for study in studies:
            client.insist(study, limit_seconds=_STALLED_SECONDS)
            with self._lock:
                self._acknowledged += len(study)


def kill_part(node: Node, part: str) -> Blow:
    """The process of that part of the node; another takes its place at once."""

    def blow() -> bool:
        node.kill(part)
        node.start(part)
        return True

    return blow


def kill_decode_child(node: Node) -> Blow:
    """A child that decodes, or waits for a file to decode; the analyst starts another."""

    def blow() -> bool:
        for process in _children_of(node, "analyst"):
            if "model.decoding.child" in _command_line(process):
                process.kill()
                return True
        return False

    return blow


def seeded(seed: int | None = None) -> random.Random:
    """Chance that can be repeated: its seed is printed."""
    seed = random.SystemRandom().randrange(1 << 32) if seed is None else seed
    print(f"random seed {seed}")
    return random.Random(seed)


def _children_of(node: Node, part: str) -> list[psutil.Process]:
    try:
        return psutil.Process(node.processes[part].pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _command_line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except (psutil.NoSuchProcess, psutil.ZombieProcess, psutil.AccessDenied):
        return []
