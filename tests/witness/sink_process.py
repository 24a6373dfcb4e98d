"""A PACS in a process of its own: `python -m tests.witness.sink_process FOLDER AET PORT CLASS…`.

Every object it is sent lies in the folder, and its line in the log, both synced, before the answer
goes out. Each line of JSON on stdin sets how it behaves and is answered by a line on stdout:
{"listening": bool} opens or closes the port, {"status": int} is what is answered from then on,
{"answers_to_drop": int} how many are kept without an answer, the association broken.
"""

import hashlib
import json
import os
import sys
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.sop_class import Verification

LOG_NAME = "arrivals.jsonl"


@dataclass
class SinkProcess:
    folder: Path
    ae_title: str
    port: int
    sop_classes: list[str]
    status: int = 0x0000
    answers_to_drop: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _server: Any = None

    def obey(self, orders: dict[str, Any]) -> None:
        with self._lock:
            self.status = orders.get("status", self.status)
            self.answers_to_drop = orders.get("answers_to_drop", self.answers_to_drop)
        if "listening" in orders:
            self._open() if orders["listening"] else self._close()

    def _open(self) -> None:
        if self._server is None:
            ae = AE(self.ae_title)
            ae.maximum_associations = 50
            for sop_class in (*self.sop_classes, Verification):
                ae.add_supported_context(sop_class, ExplicitVRLittleEndian)
            handlers = [(evt.EVT_C_STORE, self._store)]
            here = ("127.0.0.1", self.port)
            self._server = ae.start_server(here, block=False, evt_handlers=handlers)

    def _close(self) -> None:
        """Close the port and abort whoever is connected."""
        if self._server is not None:
            self._server.shutdown()
            self._server = None

    def _store(self, event: Any) -> int:
        with self._lock:
            drop, status = self.answers_to_drop > 0, self.status
            self.answers_to_drop -= drop
            self._keep(event.request, None if drop else status)
        if drop:
            event.assoc.abort()
        return status

    def _keep(self, request: Any, status: int | None) -> None:
        encoded = request.DataSet.getvalue()
        digest = hashlib.sha256(encoded).hexdigest()
        _write_synced(self.folder / digest, encoded, "wb")
        line = {
            "at": datetime.now(UTC).isoformat(),
            "sop_class_uid": str(request.AffectedSOPClassUID),
            "sop_instance_uid": str(request.AffectedSOPInstanceUID),
            "sha256": digest,
            "status": status,
        }
        _write_synced(self.folder / LOG_NAME, json.dumps(line).encode() + b"\n", "ab")


def _write_synced(path: Path, content: bytes, mode: str) -> None:
    with path.open(mode) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def main(folder: str, ae_title: str, port: str, *sop_classes: str) -> None:
    sink = SinkProcess(Path(folder), ae_title, int(port), list(sop_classes))
    for line in sys.stdin:
        sink.obey(json.loads(line))
        print("done", flush=True)
    os._exit(0)  # whoever gave orders has gone


if __name__ == "__main__":
    main(*sys.argv[1:])
