"""What sends: a modality that repeats until it is answered, and its diary of what was answered."""

import hashlib
import os
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pydicom.dataset import Dataset
from pynetdicom import AE
from pynetdicom.dsutils import encode

from dicom_node.peer import Destination

_RECONNECT_SECONDS = 0.2


@dataclass
class Diary:
    """Which data set was acknowledged with 0000: synced to disk before the next one is sent."""

    path: Path
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, sop_instance_uid: str, sha256: str) -> None:
        with self._lock, self.path.open("a") as file:
            file.write(f"{sop_instance_uid} {sha256}\n")
            file.flush()
            os.fsync(file.fileno())

    def acknowledged(self) -> dict[str, str]:
        """SHA-256 of each acknowledged data set, by SOP Instance UID."""
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        return dict(line.split() for line in lines)


@dataclass(frozen=True)
class Modality:
    """A C-STORE SCU named `ae_title` that sends to the node at `destination`."""

    destination: Destination
    diary: Diary
    ae_title: str = "XRAYROOM"

    def store(self, datasets: Iterable[Dataset]) -> list[int | None]:
        """Send each once; the statuses answered, None for no answer."""
        waiting = list(datasets)
        ae = self._requesting(waiting)
        association = ae.associate(
            self.destination.host, self.destination.port, ae_title=self.destination.ae_title
        )
        if not association.is_established:
            return [None] * len(waiting)
        statuses: list[int | None] = []
        for dataset in waiting:
            if not association.is_established:
                break
            status = association.send_c_store(dataset).get("Status")
            if status == 0x0000:
                self.diary.note(str(dataset.SOPInstanceUID), digest_of(dataset))
            statuses.append(status)
        if association.is_established:
            association.release()
        return statuses + [None] * (len(waiting) - len(statuses))

    def insist(self, datasets: Iterable[Dataset], *, limit_seconds: float) -> None:
        """Send until every data set is acknowledged."""
        deadline = time.monotonic() + limit_seconds
        waiting = list(datasets)
        while waiting:
            assert time.monotonic() < deadline, f"{len(waiting)} data sets were never acknowledged"
            statuses = self.store(waiting)
            waiting = [
                dataset for dataset, status in zip(waiting, statuses, strict=True) if status != 0
            ]
            if waiting:
                time.sleep(_RECONNECT_SECONDS)

    def _requesting(self, datasets: Iterable[Dataset]) -> AE:
        ae = AE(self.ae_title)
        ae.connection_timeout = ae.acse_timeout = 10
        ae.dimse_timeout = ae.network_timeout = 20
        for context in {(one.SOPClassUID, one.file_meta.TransferSyntaxUID) for one in datasets}:
            ae.add_requested_context(*context)
        return ae


def digest_of(dataset: Dataset) -> str:
    """SHA-256 of the data set as it is sent: the file without its meta information."""
    syntax = dataset.file_meta.TransferSyntaxUID
    encoded = encode(dataset, syntax.is_implicit_VR, syntax.is_little_endian)
    return hashlib.sha256(encoded or b"").hexdigest()
