"""The `osteon` command as a user runs it: a process of its own, in an empty folder."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from settings import load_settings

ROOT = Path(__file__).resolve().parents[2]


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
        ended = subprocess.run(
            self._command(arguments),
            cwd=self.folder,
            env=self._environment(settings),
            input=stdin,
            capture_output=True,
            timeout=120,
            check=False,
        )
        stdout, stderr = ended.stdout.decode(), ended.stderr.decode()
        assert "Traceback" not in stderr, stderr
        return Outcome(ended.returncode, stdout, stderr)

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
