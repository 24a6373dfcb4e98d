"""The parts of a node under their supervisor, with real processes of a line each."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import psutil

from worker.supervisor import Part, Supervisor


@contextmanager
def supervised(*commands: str, drain_seconds: float = 10) -> Iterator[Supervisor]:
    """Parts that each run a line of shell; stopped at the end, and nothing of them is left."""
    before = _children()
    parts = [Part(f"part-{n}", ["sh", "-c", line]) for n, line in enumerate(commands)]
    supervisor = Supervisor(parts, drain_seconds=drain_seconds)
    running = Thread(target=supervisor.run)
    running.start()
    try:
        yield supervisor
    finally:
        supervisor.stop()
        running.join(drain_seconds + 10)
        assert not running.is_alive()
    assert _children() == before


def _children() -> list[int]:
    return [child.pid for child in psutil.Process().children()]


def _wait_for(condition: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_part_that_ends_is_started_again_with_growing_delay(tmp_path: Path) -> None:
    log = tmp_path / "starts"
    log.touch()
    with supervised(f"date +%s.%N >> {log}", f"touch {tmp_path}/well; exec sleep 60"):
        _wait_for(lambda: len(log.read_text().split()) == 3)
        _wait_for((tmp_path / "well").exists)
    first, second, third = map(float, log.read_text().split())
    assert second - first > 0.4
    assert third - second > 1.7 * 0.5
    assert third - second > second - first


def test_a_part_that_is_killed_comes_back_and_the_others_stay(tmp_path: Path) -> None:
    lines = [f"echo $$ >> {tmp_path}/{name}; exec sleep 60" for name in ("one", "other")]
    with supervised(*lines):
        _wait_for(lambda: len(list(tmp_path.iterdir())) == 2)
        _wait_for(lambda: (tmp_path / "one").read_text() != "")
        psutil.Process(int((tmp_path / "one").read_text())).kill()
        _wait_for(lambda: len((tmp_path / "one").read_text().split()) == 2)
        assert len((tmp_path / "other").read_text().split()) == 1


def test_stop_lets_every_part_end_its_work(tmp_path: Path) -> None:
    line = "trap 'sleep 0.3; echo ended >> {0}; exit' TERM; touch {0}; while :; do sleep 0.05; done"
    files = [tmp_path / name for name in ("one", "other")]
    with supervised(*(line.format(file) for file in files)):
        _wait_for(lambda: all(file.exists() for file in files))
    assert [file.read_text() for file in files] == ["ended\n"] * 2


def test_a_part_that_does_not_end_is_killed_after_the_drain_time(tmp_path: Path) -> None:
    began = time.monotonic()
    started = tmp_path / "started"
    line = f"trap '' TERM; touch {started}; while :; do sleep 0.05; done"
    with supervised(line, drain_seconds=0.5):
        _wait_for(started.exists)
        began = time.monotonic()
    assert 0.4 < time.monotonic() - began < 5


_SUPERVISOR = """
import sys
from worker.supervisor import Part, Supervisor
Supervisor([Part("part", ["sh", "-c", sys.argv[1]])]).run()
"""


def test_parts_end_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    started = tmp_path / "started"
    command = [sys.executable, "-c", _SUPERVISOR, f"touch {started}; exec sleep 60"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as supervisor:
        _wait_for(started.exists)
        parts = psutil.Process(supervisor.pid).children(recursive=True)
        supervisor.kill()
    assert parts
    assert psutil.wait_procs(parts, timeout=5)[1] == []
