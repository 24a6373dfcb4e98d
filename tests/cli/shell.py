"""The `osteon` command as a user runs it: a process of its own, in an empty folder."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from settings import load_settings
from tests.cli.fork_server import ROOT, Command, ForkServer

_LIMIT_SECONDS = 120


@dataclass(frozen=True)
class Outcome:
    """How a command ended and what it printed."""

    code: int
    stdout: str
    stderr: str

    def documents(self) -> list[dict[str, Any]]:
        """Each line of stdout is a JSON document, or this fails."""
        return [json.loads(line) for line in self.stdout.splitlines()]


@dataclass(frozen=True)
class Shell:
    """Runs commands in `folder` with `settings`; the classifier is the one in force here."""

    folder: Path
    settings: dict[str, object] = field(default_factory=dict)

    def run(self, *arguments: object, stdin: bytes = b"", **settings: object) -> Outcome:
        """In a process that has the code loaded, as most tests can have it."""
        command = Command(
            [str(argument) for argument in arguments],
            str(self.folder),
            self._environment(settings),
        )
        with TemporaryFile() as given, TemporaryFile() as out, TemporaryFile() as err:
            given.write(stdin)
            given.seek(0)
            code = _run_in_fork(command, (given, out, err))
            out.seek(0)
            err.seek(0)
            return _outcome(code, out.read(), err.read())

    def run_anew(self, *arguments: object, **settings: object) -> Outcome:
        """In a process that loads what it needs by itself."""
        ended = subprocess.run(
            self._command(arguments),
            cwd=self.folder,
            env=self._environment(settings),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_LIMIT_SECONDS,
            check=False,
        )
        return _outcome(ended.returncode, ended.stdout, ended.stderr)

    def open(self, *arguments: object) -> "subprocess.Popen[bytes]":
        """The command while it runs, its stdin and stdout in the test's hands."""
        return subprocess.Popen(
            self._command(arguments),
            cwd=self.folder,
            env=self._environment({}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def _command(self, arguments: tuple[object, ...]) -> list[str]:
        return [sys.executable, "-m", "cli", *map(str, arguments)]

    def _environment(self, settings: dict[str, object]) -> dict[str, str]:
        given: dict[str, object] = {
            "model_dir": load_settings().model_dir,
            "data_dir": self.folder / "data",
        }
        given |= {**self.settings, **settings}
        kept = {name: value for name, value in os.environ.items() if not name.startswith("OSTEON_")}
        named = {f"OSTEON_{name.upper()}": str(value) for name, value in given.items() if value}
        return kept | named | {"PYTHONPATH": str(ROOT), "COLUMNS": "200"}


@cache
def _fork_server() -> ForkServer:
    """One for all tests of a process."""
    return ForkServer()


def _run_in_fork(command: Command, streams: Iterable[IO[bytes]]) -> int:
    try:
        return _fork_server().run(command, streams, _LIMIT_SECONDS)
    except TimeoutError:
        _fork_server.cache_clear()
        raise


def _outcome(code: int, stdout: bytes, stderr: bytes) -> Outcome:
    outcome = Outcome(code, stdout.decode(), stderr.decode())
    assert "Traceback" not in outcome.stderr, outcome.stderr
    return outcome
