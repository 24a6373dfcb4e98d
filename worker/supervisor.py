"""The parts of a node as child processes: started, restarted with backoff, stopped together."""

import ctypes
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from worker.stop_signal import StopSignal

log = structlog.get_logger(__name__)
_FIRST_DELAY_SECONDS = 0.5
_MAX_DELAY_SECONDS = 30.0
# A part that has run this long is held to be well: its next failure starts the backoff anew.
_WELL_SECONDS = 60.0
_POLL_SECONDS = 0.1
_PR_SET_PDEATHSIG = 1


@dataclass
class Part:
    """One supervised process and what is known of its health."""

    name: str
    command: Sequence[str]
    process: "subprocess.Popen[bytes] | None" = None
    started_at: float = 0.0
    restart_at: float = 0.0
    failures: int = 0


@dataclass
class Supervisor:
    """Keeps its parts running until `stop` is asked for."""

    parts: Sequence[Part]
    drain_seconds: float = 45.0  # longer than an image may decode
    _stopping: StopSignal = field(default_factory=StopSignal)

    def run(self) -> None:
        """Blocks until `stop`; then every part has ended."""
        try:
            while not self._stopping.wait(_POLL_SECONDS):
                for part in self.parts:
                    _look_after(part)
        finally:
            self._end_all()

    def stop(self) -> None:
        self._stopping.set()

    def _end_all(self) -> None:
        running = [part.process for part in self.parts if part.process is not None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + self.drain_seconds
        for process in running:
            _wait_or_kill(process, deadline)


def _look_after(part: Part) -> None:
    now = time.monotonic()
    if part.process is None:
        if now >= part.restart_at:
            _start(part, now)
    elif (returncode := part.process.poll()) is not None:
        _plan_restart(part, returncode, now)


def _start(part: Part, now: float) -> None:
    # A session of its own: Ctrl-C reaches the supervisor alone, which then ends the parts in order.
    part.process = subprocess.Popen(part.command, start_new_session=True, preexec_fn=_die_with_us)  # noqa: PLW1509
    part.started_at = now
    log.info("part_started", part=part.name, pid=part.process.pid)


def _plan_restart(part: Part, returncode: int, now: float) -> None:
    if now - part.started_at > _WELL_SECONDS:
        part.failures = 0
    delay_seconds = min(_MAX_DELAY_SECONDS, _FIRST_DELAY_SECONDS * 2**part.failures)
    part.failures += 1
    part.process, part.restart_at = None, now + delay_seconds
    log.warning("part_ended", part=part.name, returncode=returncode, restart_in=delay_seconds)


def _die_with_us() -> None:
    """A supervisor that is killed must not leave parts behind that hold its port and its ledger."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _wait_or_kill(process: "subprocess.Popen[bytes]", deadline: float) -> None:
    try:
        process.wait(max(0.1, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        log.warning("part_killed", pid=process.pid)
        process.kill()
        process.wait()
