"""Runs commands of `osteon` in forks of a process that has loaded their code once.

A fork is a process of its own, with its own arguments, environment, folder, streams and exit code.
What a new Python would add is the seconds that loading takes.
"""

import atexit
import gc
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

import cli

ROOT = Path(__file__).resolve().parents[2]
# Not OpenVINO: loading it starts a thread, which a fork would lack.
_OF_A_NODE = ("cli.assembly", "cli.doctor", "db.upgrade", "model.classifier", "worker.tasks")
_WITH_TORCH = ("model.evaluation.report", "model.exporting.export", "model.training.train")
_COMMANDS_WITH_TORCH = {"compare", "evaluate", "export", "train"}
_MESSAGE_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Command:
    """What a user types after `osteon`, in which folder and with which environment."""

    arguments: list[str]
    folder: str
    environment: dict[str, str]


class ForkServer:
    """The process that has loaded the code; it ends when nobody can ask it any more."""

    def __init__(self) -> None:
        self._calls, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [sys.executable, "-m", __name__, str(theirs.fileno())]
            self._server = subprocess.Popen(
                command, cwd=ROOT, pass_fds=[theirs.fileno()], start_new_session=True
            )

    def run(self, command: Command, streams: Iterable[IO[bytes]], limit_seconds: float) -> int:
        """The exit code; `streams` are stdin, stdout and stderr. A TimeoutError ends the server."""
        files = [stream.fileno() for stream in streams]
        socket.send_fds(self._calls, [json.dumps(asdict(command)).encode()], files)
        self._calls.settimeout(limit_seconds)
        try:
            return int(self._calls.recv(_MESSAGE_BYTES))
        except TimeoutError:
            os.killpg(self._server.pid, signal.SIGKILL)
            self._server.wait()
            raise


def _serve(calls: socket.socket) -> bool:
    """Returns True in a fork, which is to run the command it has become; False at the end."""
    _load(_OF_A_NODE)
    while True:
        message, files, _, _ = socket.recv_fds(calls, _MESSAGE_BYTES, 3)
        if not message:
            return False
        command = Command(**json.loads(message))
        if _COMMANDS_WITH_TORCH & set(command.arguments[:1]):
            _load(_WITH_TORCH)
        child = os.fork()
        if child == 0:
            calls.close()
            _become(command, files)
            return True
        for file in files:
            os.close(file)
        _, status = os.waitpid(child, 0)
        calls.send(str(os.waitstatus_to_exitcode(status)).encode())


def _load(modules: Iterable[str]) -> None:
    for name in modules:
        importlib.import_module(name)
    gc.freeze()  # what is loaded stays in memory that the forks share


def _become(command: Command, files: list[int]) -> None:
    for stream, file in enumerate(files):
        os.dup2(file, stream)
        os.close(file)
    os.chdir(command.folder)
    os.environ.clear()
    os.environ.update(command.environment)
    sys.argv[1:] = command.arguments


class _Ending:
    """Ends a fork when all that was to run at its exit has run.

    Python would take apart what is loaded, module by module: more work than most commands are.
    """

    code = 1  # where an error has not been caught

    def now(self) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(self.code)


def _run(ending: _Ending) -> None:
    try:
        cli.main()
    except SystemExit as leaving:
        ending.code = int(leaving.code or 0)


if __name__ == "__main__":
    ending = _Ending()
    atexit.register(ending.now)  # before what the code registers: the last comes first
    if _serve(socket.socket(fileno=int(sys.argv[1]))):
        _run(ending)
