"""Whenever a signal comes, who waits for it learns of it."""

import subprocess
import sys

from worker.stop_signal import StopSignal

# Each signal comes at another moment of `wait`. An Event in its place stands still in seconds.
_MANY_SIGNALS = """
import os, random, signal
from worker.stop_signal import StopSignal as Stop
for _ in range(5000):
    stop = Stop()
    signal.signal(signal.SIGALRM, lambda *_: stop.set())
    signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-5, 2e-4))
    while not stop.wait(1e-6):
        pass
    os.close(stop._hearing)
    os.close(stop._telling)
"""


def test_it_is_heard_whenever_it_comes() -> None:
    ended = subprocess.run([sys.executable, "-c", _MANY_SIGNALS], timeout=60, check=False)
    assert ended.returncode == 0


def test_it_is_waited_for_no_longer_than_said_and_stays_set() -> None:
    stop = StopSignal()
    assert not stop.wait(0.01)
    stop.set()
    stop.set()
    assert stop.wait(0.01)
    assert stop.wait()
