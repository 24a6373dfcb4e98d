"""A PACS just big enough for the demonstration: it takes the results that the node sends."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from pydicom import dcmread
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import (
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    SecondaryCaptureImageStorage,
    Verification,
)

SUCCESS = 0x0000


@dataclass
class TestPacs:
    """A storage SCP on a free port; `received` holds the files in the order of their coming."""

    __test__ = False  # no test class, whatever pytest thinks of its name

    folder: Path
    ae_title: str = "TESTPACS"
    received: list[Path] = field(default_factory=list)
    _arrived: threading.Condition = field(default_factory=threading.Condition)

    def __enter__(self) -> "TestPacs":
        self.folder.mkdir(parents=True, exist_ok=True)
        ae = AE(self.ae_title)
        for sop_class in _ACCEPTED:
            ae.add_supported_context(sop_class)
        handlers = [(evt.EVT_C_STORE, self._store)]
        self._server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()

    @property
    def address(self) -> str:
        return f"{self.ae_title}@127.0.0.1:{self._server.server_address[1]}"

    def wait_for(self, wanted: Callable[[list[Dataset]], bool], seconds: float) -> bool:
        """True once the headers of what came satisfy `wanted`; False when time is over."""
        with self._arrived:
            return self._arrived.wait_for(lambda: wanted(self.headers()), seconds)

    def headers(self) -> list[Dataset]:
        return [dcmread(path, defer_size=1024) for path in self.received]

    def _store(self, event: evt.Event) -> int:
        path = self.folder / f"{event.request.AffectedSOPInstanceUID}.dcm"
        path.write_bytes(event.encoded_dataset())
        with self._arrived:
            self.received.append(path)
            self._arrived.notify_all()
        return SUCCESS


_ACCEPTED = (
    Verification,
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    SecondaryCaptureImageStorage,
)
