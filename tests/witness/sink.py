"""The witness's PACS as a test sees it: what came, in which order, and how it is to fail."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pynetdicom.sop_class import (
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    SecondaryCaptureImageStorage,
)

from tests.servers import free_port
from tests.witness.sink_process import LOG_NAME

ROOT = Path(__file__).resolve().parents[2]
RESULT_CLASSES = (Comprehensive3DSRStorage, ComprehensiveSRStorage, SecondaryCaptureImageStorage)
SR_CLASSES = (Comprehensive3DSRStorage, ComprehensiveSRStorage)


@dataclass(frozen=True)
class Arrival:
    """One C-STORE as it came: its data set's digest, and what was answered (None: nothing)."""

    at: str  # ISO 8601, UTC
    sop_class_uid: str
    sop_instance_uid: str
    sha256: str
    status: int | None
    folder: Path

    @property
    def is_kept(self) -> bool:
        """Not refused: success, a warning, or kept without an answer."""
        return self.status is None or self.status == 0 or self.status & 0xF000 == 0xB000

    @property
    def is_report(self) -> bool:
        return self.sop_class_uid in SR_CLASSES

    @property
    def encoded(self) -> bytes:
        return (self.folder / self.sha256).read_bytes()

    def dataset(self) -> Dataset:
        return dcmread(DicomBytesIO(self.encoded), force=True)


@dataclass
class Sink:
    """A storage SCP on a port of its own; use it in a `with`, or close it."""

    folder: Path
    ae_title: str = "SINK"
    sop_classes: Sequence[str] = RESULT_CLASSES
    port: int = field(default_factory=free_port)
    _process: "subprocess.Popen[str] | None" = None

    def __enter__(self) -> "Sink":
        self.folder.mkdir(parents=True, exist_ok=True)
        words = [str(self.folder), self.ae_title, str(self.port), *self.sop_classes]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.witness.sink_process", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            text=True,
        )
        self.come()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    @property
    def address(self) -> str:
        return f"{self.ae_title}@127.0.0.1:{self.port}"

    def come(self) -> None:
        self._order(listening=True)

    def go_away(self) -> None:
        """Close the port and abort whoever is connected."""
        self._order(listening=False)

    def answer(self, status: int) -> None:
        """What every C-STORE is answered with from now on; refused ones are noted as such."""
        self._order(status=status)

    def drop_answers(self, count: int) -> None:
        """Keep so many objects without an answer and break their associations."""
        self._order(answers_to_drop=count)

    def arrivals(self) -> list[Arrival]:
        """In the order of their coming, refused ones and repeats included."""
        log = self.folder / LOG_NAME
        lines = log.read_text().split("\n")[:-1] if log.exists() else []
        return [Arrival(**json.loads(line), folder=self.folder) for line in lines]

    def reports(self, study_instance_uid: str | None = None) -> list[Arrival]:
        """The SRs that came and were not refused, repeats included."""
        reports = [one for one in self.arrivals() if one.is_report and one.is_kept]
        if study_instance_uid is None:
            return reports
        return [one for one in reports if one.dataset().StudyInstanceUID == study_instance_uid]

    def _order(self, **orders: object) -> None:
        assert self._process is not None and self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(orders) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer == "done\n", "the sink has ended"
