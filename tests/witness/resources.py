"""What the node's processes hold as they work: sampled, and how fast it grows, by least squares."""

import statistics
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import psutil

from tests.witness.ledger import UNAVAILABLE, open_for_witness

_MIB = 1 << 20
PER_INSTANCES = 10_000
# What a process has to fill first: pools, caches, what is imported on first use.
_WARM_UP_SHARE = 0.2


@dataclass(frozen=True)
class Limit:
    """How much a quantity may grow per 10,000 instances; less than `noise` is not growth."""

    per_10_000: float
    noise: float
    unit: str


LIMITS = {
    "RSS": Limit(1.0, 4.0, "MiB"),
    "descriptors": Limit(0.5, 4.0, "open"),
    "threads": Limit(0.5, 3.0, "threads"),
    "connections": Limit(0.5, 3.0, "to the database"),
}


@dataclass(frozen=True)
class Sample:
    """One process at one moment; `instances` had been acknowledged by then."""

    seconds: float
    instances: int
    process: str
    values: Mapping[str, float]


@dataclass(frozen=True)
class Trend:
    """A quantity of a process over a run; `grown`: the last quarter's median less the first's."""

    process: str
    quantity: str
    first: float
    last: float
    per_10_000: float
    grown: float

    @property
    def is_flat(self) -> bool:
        limit = LIMITS[self.quantity]
        return self.per_10_000 <= limit.per_10_000 or self.grown <= limit.noise


@dataclass
class Sampler:
    """Looks at the processes every few seconds from a thread of its own, in a `with`."""

    processes: Callable[[], Mapping[str, int]]  # process ids by name
    database_url: str
    instances: Callable[[], int]
    every_seconds: float = 5
    samples: list[Sample] = field(default_factory=list)
    _stopping: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Sampler":
        self._began = time.monotonic()
        self._thread = threading.Thread(target=self._look_often, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _look_often(self) -> None:
        self._look()
        while not self._stopping.wait(self.every_seconds):
            self._look()
        self._look()

    def _look(self) -> None:
        seconds, instances = time.monotonic() - self._began, self.instances()
        connections = _connections(self.database_url)
        for name, process_id in self.processes().items():
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                values = _held_by(psutil.Process(process_id))
                if connections is not None:
                    values["connections"] = connections.get(name, 0)
                self.samples.append(Sample(seconds, instances, name, values))


def trends(samples: Sequence[Sample]) -> list[Trend]:
    """Of each process and quantity, once it has warmed up."""
    by_process: dict[str, list[Sample]] = {}
    for sample in samples:
        by_process.setdefault(sample.process, []).append(sample)
    return [
        _trend(process, quantity, own[int(len(own) * _WARM_UP_SHARE) :])
        for process, own in by_process.items()
        for quantity in own[-1].values
    ]


def _trend(process: str, quantity: str, samples: Sequence[Sample]) -> Trend:
    counts = [one.instances for one in samples]
    values = [one.values[quantity] for one in samples]
    is_moving = len(set(counts)) > 1
    slope = statistics.linear_regression(counts, values).slope if is_moving else 0.0
    quarter = max(1, len(values) // 4)
    grown = statistics.median(values[-quarter:]) - statistics.median(values[:quarter])
    return Trend(process, quantity, values[0], values[-1], slope * PER_INSTANCES, grown)


def _held_by(process: psutil.Process) -> dict[str, float]:
    with process.oneshot():
        return {
            "RSS": process.memory_info().rss / _MIB,
            "descriptors": process.num_fds(),
            "threads": process.num_threads(),
        }


def _connections(database_url: str) -> dict[str, int] | None:
    """By the name that the process has as PostgreSQL's client, less its number."""
    with suppress(*UNAVAILABLE), open_for_witness(database_url) as ledger:
        if not ledger.is_sqlite:
            names = ledger.values("SELECT application_name FROM pg_stat_activity")
            parts = [str(name).rpartition("-")[0] for name in names]
            return {part: parts.count(part) for part in set(parts)}
    return None
