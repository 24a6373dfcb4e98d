"""What a process takes while it is attacked, seen from outside."""

import time
from pathlib import Path

import psutil

from tests.dicom_node.attacks import wire
from tests.dicom_node.attacks.honest import echo


class Taken:
    """What a process and its children take: memory, descriptors, threads; and since this was made."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._memory_mib = self._memory()
        self._descriptors = self.descriptors
        self._threads = self.threads

    @property
    def memory_mib(self) -> float:
        return self._memory() - self._memory_mib

    @property
    def descriptors(self) -> int:
        return sum(len(list(Path(f"/proc/{one.pid}/fd").iterdir())) for one in self._all())

    @property
    def new_descriptors(self) -> int:
        return self.descriptors - self._descriptors

    @property
    def new_threads(self) -> int:
        return self.threads - self._threads

    @property
    def threads(self) -> int:
        return sum(one.num_threads() for one in self._all())

    @property
    def cpu_seconds(self) -> float:
        return sum(one.cpu_times().user + one.cpu_times().system for one in self._all())

    @property
    def is_alive(self) -> bool:
        return self._process.is_running() and self._process.status() != psutil.STATUS_ZOMBIE

    def _memory(self) -> float:
        return sum(one.memory_info().rss for one in self._all()) / (1 << 20)

    def _all(self) -> list[psutil.Process]:
        return [self._process, *self._process.children(recursive=True)]


def warm_up(target: wire.Target, echoes: int = 20) -> None:
    """What is loaded and set up at the first associations is no growth."""
    for _ in range(echoes):
        echo(target, "127.0.0.1")
    time.sleep(1)  # the last of them is cleared up
