"""Orthanc as the PACS: a real one, with its own database, ports and REST interface.

Its configuration and its routing rule are those of the optional service of docker-compose.yml.
"""

import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dicom_node.peer import Destination
from tests.servers import free_port
from tests.services import require_program
from tests.waiting import wait_for

DEPLOYED = Path(__file__).resolve().parents[2] / "deploy"
_START_SECONDS = 30
_ANSWER_SECONDS = 30


@dataclass
class Orthanc:
    """A PACS in `folder` that knows the node as modality `osteon`; `routes`: by its rule."""

    folder: Path
    routes: bool = False
    dicom_port: int = field(default_factory=free_port)
    http_port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def here(self) -> Destination:
        return Destination("ORTHANC", "127.0.0.1", self.dicom_port)

    @property
    def address(self) -> str:
        return str(self.here)

    def write_configuration(self, node_port: int) -> None:
        self.folder.mkdir()
        configuration = json.loads((DEPLOYED / "orthanc.json").read_text())
        configuration |= {
            "StorageDirectory": str(self.folder / "storage"),
            "IndexDirectory": str(self.folder / "index"),
            "DicomPort": self.dicom_port,
            "HttpPort": self.http_port,
            "LuaScripts": [str(DEPLOYED / "forward.lua")] if self.routes else [],
        }
        configuration["DicomModalities"]["osteon"] |= {"Host": "127.0.0.1", "Port": node_port}
        (self.folder / "orthanc.json").write_text(json.dumps(configuration))

    def start(self) -> None:
        """Return when it answers."""
        program = require_program("Orthanc", "orthanc")
        command = [program, str(self.folder / "orthanc.json")]
        with (self.folder / "orthanc.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_for(self.answers, "Orthanc", _START_SECONDS)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

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

    def find_study(self, study_instance_uid: str) -> str:
        """Orthanc's own name for the study."""
        query = {"Level": "Study", "Query": {"StudyInstanceUID": study_instance_uid}}
        [identifier] = self.post("/tools/find", json.dumps(query).encode())
        return str(identifier)

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
    require_program("Orthanc", "orthanc")
    orthanc.write_configuration(node_port)
    try:
        orthanc.start()
        yield orthanc
    finally:
        orthanc.kill()
