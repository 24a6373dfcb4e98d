"""A PACS that the tests own: it keeps what it is sent, and fails in the ways a PACS can fail."""

import hashlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.sop_class import (
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    SecondaryCaptureImageStorage,
    Verification,
)

from tests.servers import free_port

RESULT_CLASSES = (Comprehensive3DSRStorage, ComprehensiveSRStorage, SecondaryCaptureImageStorage)
SR_CLASSES = (Comprehensive3DSRStorage, ComprehensiveSRStorage)


@dataclass(frozen=True)
class Arrival:
    """One C-STORE as it came: the data set's bytes, and what was answered (None: nothing)."""

    sop_class_uid: str
    sop_instance_uid: str
    encoded: bytes
    status: int | None

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.encoded).hexdigest()

    def dataset(self) -> Dataset:
        return dcmread(DicomBytesIO(self.encoded), force=True)


@dataclass
class PacsSink:
    """A storage SCP on a port of its own; `arrivals` in the order of their coming."""

    ae_title: str = "SINK"
    sop_classes: Sequence[str] = RESULT_CLASSES
    port: int = field(default_factory=free_port)
    arrivals: list[Arrival] = field(default_factory=list)
    status: int = 0x0000
    answers_to_drop: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _server: Any = None

    def __enter__(self) -> "PacsSink":
        self.come()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.go_away()

    @property
    def address(self) -> str:
        return f"{self.ae_title}@127.0.0.1:{self.port}"

    def come(self) -> None:
        ae = AE(self.ae_title)
        for sop_class in (*self.sop_classes, Verification):
            ae.add_supported_context(sop_class, ExplicitVRLittleEndian)
        handlers = [(evt.EVT_C_STORE, self._store)]
        self._server = ae.start_server(("127.0.0.1", self.port), block=False, evt_handlers=handlers)

    def go_away(self) -> None:
        """Close the port and abort whoever is connected."""
        if self._server is not None:
            self._server.shutdown()
            self._server = None

    def reports(self, study_instance_uid: str | None = None) -> list[Arrival]:
        """The SRs that came and were not refused, repeats included."""
        reports = [
            one for one in list(self.arrivals) if one.sop_class_uid in SR_CLASSES and not one.status
        ]
        if study_instance_uid is None:
            return reports
        return [one for one in reports if one.dataset().StudyInstanceUID == study_instance_uid]

    def _store(self, event: Any) -> int:
        with self._lock:
            drop = self.answers_to_drop > 0
            self.answers_to_drop -= drop
            request = event.request
            arrival = Arrival(
                str(request.AffectedSOPClassUID),
                str(request.AffectedSOPInstanceUID),
                request.DataSet.getvalue(),
                None if drop else self.status,
            )
            self.arrivals.append(arrival)
        if drop:
            event.assoc.abort()
        return self.status
