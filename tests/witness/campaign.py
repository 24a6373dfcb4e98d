"""A campaign of kill -9: a load that clients send, and components of the node that die under it.

When one dies depends on how far the work has come, not on a clock: so every death falls into work,
whether the machine is fast or slow, and from the first instance sent to the last one analysed.
"""

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import psutil
from pydicom.dataset import Dataset

from tests.end_to_end.node import Node, running_node
from tests.servers import PostgresServer, RedisServer, running_postgres, running_redis
from tests.witness.client import Client
from tests.witness.ledger import UNAVAILABLE, open_for_witness
from tests.witness.studies import witness_studies
from tests.witness.witness import Witness

_POLL_SECONDS = 0.05
_STALLED_SECONDS = 180
_SETTLED_SECONDS = 120
# A part that loads much is killed less often, so that the others get their share of the time.
_WEIGHTS = {
    "listener": 10,
    "decode child": 10,
    "reporter": 3,
    "courier": 6,
    "beat": 6,
    "PostgreSQL": 6,
    "Redis": 6,
    "analyst": 3,
    "web": 1,
}
_WITHOUT_LEDGER = "osteon: the ledger cannot be used: "
_LAST_WORDS = 1000
# kill -9, and what makes it run again; False: there was nothing to kill just now.
Blow = Callable[[], bool]


class Servers(StrEnum):
    """Which database and which broker a node works with."""

    FILES = "SQLite and files"
    HOSPITAL = "PostgreSQL and Redis"


SERVERS = tuple(Servers)


@dataclass(frozen=True)
class Load:
    """What is sent by how many clients at a time, and how many kills meanwhile."""

    studies: int
    images: int  # of each study
    others: int  # beside them, which the node only keeps
    kills: int
    clients: int = 4

    @property
    def instances(self) -> int:
        return self.studies * (self.images + self.others)

    @property
    def steps(self) -> int:
        """Each instance is acknowledged, each image gets a result."""
        return self.instances + self.studies * self.images


@dataclass
class Campaign:
    """`blows` are by component; one is drawn for each kill."""

    node: Node
    witness: Witness
    blows: Mapping[str, Blow]
    chance: random.Random
    kills: Counter[str] = field(default_factory=Counter)
    seconds: float = 0
    _acknowledged: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, load: Load, name: str = "load") -> None:
        """Returns when all is acknowledged and the last kill is done."""
        began = time.monotonic()
        moments = sorted(self.chance.sample(range(load.steps), load.kills))
        contents = {"images": load.images, "others": load.others}
        studies = list(witness_studies(name, load.studies, **contents))
        with ThreadPoolExecutor(load.clients) as clients:
            sending = [
                clients.submit(self._send, self._client(number), studies[number :: load.clients])
                for number in range(load.clients)
            ]
            self._strike(moments, sending)
            while not all(client.done() for client in sending):
                self._start_anew()
                time.sleep(_POLL_SECONDS)
            for client in sending:
                client.result()
        self.seconds = time.monotonic() - began

    def run_to_the_end(self, load: Load) -> dict[str, Any]:
        """Run it, let the node come to rest, stop it, and say what was done and found."""
        self.run(load)
        self._start_anew()
        ended = self.node.ended()
        url = self.node.ledger_url
        settled_seconds = self.witness.wait_until_settled(url, limit_seconds=_SETTLED_SECONDS)
        self.node.stop_all()
        self.node.spool.sweep(older_than_seconds=-1)
        violations = self.witness.check(self.node.spool.root, url)
        return {
            "kills": self.kills.total(),
            "by component": dict(self.kills),
            "seconds": round(self.seconds, 1),
            "settled after seconds": round(settled_seconds, 1),
            "found": self.witness.report(),
            "violations": [
                *(f"{part} ended of itself" for part in ended),
                *(str(one) for one in violations),
            ],
        }

    def _strike(self, moments: Sequence[int], sending: "Sequence[Future[None]]") -> None:
        for moment in moments:
            self._await_progress(moment, sending)
            self._kill_one()

    def _await_progress(self, moment: int, sending: "Sequence[Future[None]]") -> None:
        deadline = time.monotonic() + _STALLED_SECONDS
        self._start_anew()
        while self._progress() < moment:
            self._start_anew()
            assert time.monotonic() < deadline, f"work stands still before its step {moment}"
            for client in sending:
                if client.done():
                    client.result()  # raises what it met
            time.sleep(_POLL_SECONDS)

    def _start_anew(self) -> None:
        """Who came up while its database was away has left; a supervisor starts it again."""
        for part in self.node.ended():
            said = self.node.log(part)[-_LAST_WORDS:]
            assert _WITHOUT_LEDGER in said, f"{part} ended of itself: {said}"
            self.node.start(part)

    def _progress(self) -> int:
        try:
            with open_for_witness(self.node.ledger_url) as ledger:
                [analysed] = ledger.values("SELECT count(*) FROM analysis")
        except UNAVAILABLE:
            return 0
        return self._acknowledged + int(analysed)

    def _kill_one(self) -> None:
        """Something that runs just now; drawn again where the component is not there."""
        weights = {component: _WEIGHTS[component] for component in self.blows}
        while True:
            [component] = self.chance.choices(list(weights), list(weights.values()))
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


@dataclass(frozen=True)
class Scene:
    """A node that sends its results to its witness, with the servers that it works with."""

    node: Node
    witness: Witness
    postgres: PostgresServer | None = None
    broker: RedisServer | None = None


@contextmanager
def node_with_witness(
    folder: Path, servers: Servers, run: Callable[..., AbstractContextManager[Node]] = running_node
) -> Iterator[Scene]:
    """All parts but the pages run, by `run`; the witness watches the fences."""
    with ExitStack() as stack:
        witness = stack.enter_context(Witness(folder / "witness"))
        settings: dict[str, Any] = {"destinations": witness.sink.address}
        postgres = broker = None
        if servers is Servers.HOSPITAL:
            postgres = stack.enter_context(running_postgres())
            broker = stack.enter_context(running_redis())
            settings |= {"database_url": postgres.create_database(), "broker_url": broker.url}
        node = stack.enter_context(run(folder, **settings))
        witness.watch(node.ledger_url)
        yield Scene(node, witness, postgres, broker)


def components(scene: Scene) -> dict[str, Blow]:
    """How each component that runs just now is killed."""
    blows = {part: _kill_part(scene.node, part) for part in scene.node.processes}
    blows["decode child"] = _kill_decode_child(scene.node)
    if scene.postgres is not None:
        blows["PostgreSQL"] = _restart(scene.postgres.kill_outright, scene.postgres.start)
    if scene.broker is not None:
        blows["Redis"] = _restart(scene.broker.kill, scene.broker.start)
    return blows


def _restart(kill: Callable[[], None], start: Callable[[], None]) -> Blow:
    def blow() -> bool:
        kill()
        start()
        return True

    return blow


def _kill_part(node: Node, part: str) -> Blow:
    """The process of that part of the node; another takes its place at once."""

    def blow() -> bool:
        node.kill(part)
        node.start(part)
        return True

    return blow


def _kill_decode_child(node: Node) -> Blow:
    """A child that decodes, or waits for a file to decode; the analyst starts another."""

    return lambda: kill_decode_children(node, most=1) > 0


def kill_decode_children(node: Node, most: int | None = None) -> int:
    """How many there were."""
    children = [
        process
        for process in _children_of(node, "analyst")
        if "model.decoding.child" in _command_line(process)
    ][:most]
    for process in children:
        process.kill()
    return len(children)


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
