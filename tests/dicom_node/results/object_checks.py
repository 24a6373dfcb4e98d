"""What other people's tools say about an object we made."""

import subprocess
from io import BytesIO
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import FileDataset

from dicom_node.results.result_object import ResultObject
from tests.services import require_program


def reread(made: ResultObject) -> FileDataset:
    return dcmread(BytesIO(made.encoded))


def conformance_errors(made: ResultObject, folder: Path) -> list[str]:
    """The errors dciodvfy finds; an object it does not know is one, too."""
    dciodvfy = require_program("dciodvfy", "dicom3tools")
    said = _run([dciodvfy, "-new", str(_written(made, folder))])
    return [line for line in said.splitlines() if line.startswith("Error")]


def shown_text(made: ResultObject, folder: Path) -> str:
    """The report as DCMTK shows it, values in full and in UTF-8."""
    dsrdump = require_program("dsrdump", "dcmtk")
    return _run([dsrdump, "+U8", "+Pl", "+Pu", str(_written(made, folder))])


def _written(made: ResultObject, folder: Path) -> Path:
    path = folder / f"{made.sop_instance_uid}.dcm"
    path.write_bytes(made.encoded)
    return path


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, check=False, timeout=60)
    return (done.stdout + done.stderr).decode("utf-8", "replace")
