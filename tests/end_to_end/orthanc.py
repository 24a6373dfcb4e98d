"""Orthanc as the PACS: a real one, with its own database, ports and REST interface."""

import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.end_to_end.node import AE_TITLE
from tests.servers import free_port
from tests.services import require_program
from tests.waiting import wait_for

_START_SECONDS = 30
_ANSWER_SECONDS = 30


@dataclass
class Orthanc:
    """A PACS in `folder` that knows the node as modality `osteon`."""

    folder: Path
    dicom_port: int = field(default_factory=free_port)
    http_port: int = field(default_factory=free_port)

    @property
    def address(self) -> str:
        return f"ORTHANC@127.0.0.1:{self.dicom_port}"

    def write_configuration(self, node_port: int) -> Path:
        self.folder.mkdir()
        configuration = {
            "Name": "PACS",
            "StorageDirectory": str(self.folder / "storage"),
            "IndexDirectory": str(self.folder / "index"),
            "DicomAet": "ORTHANC",
            "DicomPort": self.dicom_port,
            "HttpPort": self.http_port,
            "DicomModalities": {"osteon": [AE_TITLE, "127.0.0.1", node_port]},
        }
        path = self.folder / "orthanc.json"
        path.write_text(json.dumps(configuration))
        return path

    def get(self, path: str) -> Any:
        return json.loads(self.get_bytes(path))

    def get_bytes(self, path: str) -> bytes:
        return self._ask(path, None)

    def post(self, path: str, body: bytes) -> Any:
        return json.loads(self._ask(path, body))

    def answers(self) -> bool:
        try:
            return bool(self.get("/system"))
        except (urllib.error.URLError, ConnectionError):
            return False

    def instances_of(self, study: str) -> list[dict[str, Any]]:
        """The study's instances with all their tags by keyword, as Orthanc reads them."""
        return [
            {"id": one["ID"], **self.get(f"/instances/{one['ID']}/simplified-tags")}
            for one in self.get(f"/studies/{study}/instances")
        ]

    def _ask(self, path: str, body: bytes | None) -> bytes:
        url = f"http://127.0.0.1:{self.http_port}{path}"
        with urllib.request.urlopen(url, body, timeout=_ANSWER_SECONDS) as answer:
            content: bytes = answer.read()
        return content


@contextmanager
def running_orthanc(orthanc: Orthanc, node_port: int) -> Iterator[Orthanc]:
    program = require_program("Orthanc", "orthanc")
    configuration = orthanc.write_configuration(node_port)
    with (orthanc.folder / "orthanc.log").open("wb") as log:
        process = subprocess.Popen([program, str(configuration)], stdout=log, stderr=log)
    try:
        wait_for(orthanc.answers, "Orthanc", _START_SECONDS)
        yield orthanc
    finally:
        process.kill()
        process.wait()
