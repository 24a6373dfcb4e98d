"""What a process takes while it is attacked, seen from outside."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

from tests.dicom_node.attacks import wire
from tests.dicom_node.attacks.honest import echo


class Taken:
    """What a process and its children take, and how much more than when this was made."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._memory_mib = self._memory()
        self._descriptors = self.descriptors
        self._threads = self.threads

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def memory_mib(self) -> float:
        return self._memory() - self._memory_mib

    @property
    def descriptors(self) -> int:
        return int(self._sum(lambda one: len(list(Path(f"/proc/{one.pid}/fd").iterdir()))))

    @property
    def new_descriptors(self) -> int:
        return self.descriptors - self._descriptors

    @property
    def new_threads(self) -> int:
        return self.threads - self._threads

    @property
    def threads(self) -> int:
        return int(self._sum(psutil.Process.num_threads))

    @property
    def cpu_seconds(self) -> float:
        return self._sum(lambda one: sum(one.cpu_times()[:2]))

    @property
    def is_alive(self) -> bool:
        return self._process.is_running() and self._process.status() != psutil.STATUS_ZOMBIE

    def _memory(self) -> float:
        return self._sum(lambda one: one.memory_info().rss) / (1 << 20)

    def _sum(self, of: Callable[[psutil.Process], float]) -> float:
        """Over the process and its children, as far as they are there still."""
        total = 0.0
        with suppress(psutil.NoSuchProcess):
            for one in (self._process, *self._process.children(recursive=True)):
                with suppress(psutil.NoSuchProcess, FileNotFoundError):
                    total += of(one)
        return total


def warm_up(target: wire.Target, echoes: int = 20) -> None:
    """What is loaded and set up at the first associations is no growth."""
    for _ in range(echoes):
        echo(target, "127.0.0.1")
    time.sleep(1)  # the last of them is cleared up
