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

    def run(self, *arguments: object, **settings: object) -> Outcome:
        given: dict[str, object] = {
            "model_dir": load_settings().model_dir,
            "data_dir": self.folder / "data",
        }
        given |= {**self.settings, **settings}
        kept = {name: value for name, value in os.environ.items() if not name.startswith("OSTEON_")}
        named = {f"OSTEON_{name.upper()}": str(value) for name, value in given.items() if value}
        ended = subprocess.run(
            [sys.executable, "-m", "cli", *map(str, arguments)],
            cwd=self.folder,
            env=kept | named | {"PYTHONPATH": str(ROOT), "COLUMNS": "200"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert "Traceback" not in ended.stderr, ended.stderr
        return Outcome(ended.returncode, ended.stdout, ended.stderr)
