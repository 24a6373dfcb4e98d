"""What other people's tools say of a DICOM file."""

import subprocess
from pathlib import Path

from tests.services import require_program


def conformance_errors(path: Path) -> list[str]:
    """The errors that dciodvfy finds."""
    said = _run([require_program("dciodvfy", "dicom3tools"), "-new", str(path)])
    return [line for line in said.splitlines() if line.startswith("Error")]


def report_text(path: Path) -> str:
    """The report as DCMTK shows it to a person."""
    return _run([require_program("dsrdump", "dcmtk"), "+U8", str(path)])


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, check=False, timeout=60)
    return (done.stdout + done.stderr).decode("utf-8", "replace")
