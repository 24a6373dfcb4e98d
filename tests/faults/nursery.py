"""Starts parts of a node as forks of a process that has loaded their code: in tenths of a second.

A fork is a process of its own; what a new Python would add is the seconds that loading takes. So a
part can be killed at dozens of places. `python -m tests.faults.nursery`: one request a line.
"""

import ctypes
import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import traceback
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

import psutil

from tests.faults.failpoints import POINTS, arm, trigger_of
from tests.faults.shim import Shim

ROOT = Path(__file__).resolve().parents[2]
# Not OpenVINO: loading it starts a thread, which a fork would lack.
_LOADED = (
    *("cli.assembly", "model.classifier", "web.app", "worker.tasks"),
    # What is loaded by name as a worker starts, or as it connects.
    *("celery.apps.worker", "celery.app.control", "celery.fixups.django", "celery.loaders.app"),
    *("celery.worker.consumer", "celery.concurrency.thread", "worker.redis_broker", "psycopg"),
)
# What a hospital waits a second for, a test sees at once.
_OFFER_SECONDS = 0.2
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Birth:
    """Which command of `osteon` to run, and as which part.

    `log` and `exit_code` are the files in which it leaves what it says and how it ends. With a
    folder `triggers` it dies at each of its failpoints, once that one's trigger is there.
    """

    arguments: list[str]
    environment: dict[str, str]
    log: str
    exit_code: str
    part: str
    triggers: str = ""


class Part:
    """A fork: what tests ask of a subprocess.Popen."""

    def __init__(self, process_id: int, exit_code: Path) -> None:
        self.pid = process_id
        self._exit_code = exit_code
        self._process: psutil.Process | None = None
        with suppress(psutil.NoSuchProcess):  # a command may have ended already
            self._process = psutil.Process(process_id)

    @property
    def returncode(self) -> int:
        """Of one that has ended: what killed it left no file."""
        return int(self._exit_code.read_text()) if self._exit_code.exists() else -signal.SIGKILL

    def poll(self) -> int | None:
        is_running = self._process is not None and self._process.is_running()
        return None if is_running else self.returncode

    def wait(self, timeout: float | None = None) -> int:
        try:
            if self._process is not None:
                self._process.wait(timeout)
        except psutil.TimeoutExpired as error:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0) from error
        return self.returncode

    def send_signal(self, number: int) -> None:
        with suppress(psutil.NoSuchProcess):
            if self._process is not None:
                self._process.send_signal(number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Nursery:
    """The process that forks; the code is this checkout's, and the shim's file lies in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.shim = Shim(folder)

    def __enter__(self) -> "Nursery":
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.nursery"],
            cwd=ROOT,
            env={**os.environ, **self.shim.environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.terminate()
        self._process.wait()

    def start(self, birth: Birth) -> Part:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asdict(birth)) + "\n")
        self._process.stdin.flush()
        return Part(int(self._process.stdout.readline()), Path(birth.exit_code))


def _serve() -> Birth:
    """Returns in a fork, with what that is to be."""
    for name in _LOADED:
        importlib.import_module(name)
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the forks: no zombies
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            return Birth(**json.loads(line))
        print(child, flush=True)
    os._exit(0)


def _become(birth: Birth) -> None:
    os.setsid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # nothing outlives the test
    _redirect(birth.log)
    os.environ.clear()
    os.environ.update(birth.environment)
    sys.argv = ["osteon", *birth.arguments]
    import worker.tasks

    worker.tasks._OFFER_SECONDS = _OFFER_SECONDS
    for point in POINTS:
        if birth.triggers and point.part == birth.part:
            arm(point, trigger_of(point, Path(birth.triggers)))


def _redirect(log: str) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream, descriptor in ((0, nothing), (1, written), (2, written)):
        os.dup2(descriptor, stream)


def _run(exit_code: Path) -> None:
    import cli

    code = 1
    try:
        cli.main()
    except SystemExit as leaving:
        code = int(leaving.code or 0)
    except BaseException:  # noqa: BLE001 - what ends a part belongs into its log
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    exit_code.write_text(str(code))
    os._exit(code)  # Python would take apart what is loaded, module by module


if __name__ == "__main__":
    born = _serve()
    _become(born)
    _run(Path(born.exit_code))
