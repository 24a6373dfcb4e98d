"""The witness's C-STORE SCU: sends as a modality does, repeats until answered, keeps a log."""

import hashlib
import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pydicom.dataset import Dataset
from pynetdicom import AE
from pynetdicom.dsutils import encode

from tests.witness.acknowledgements import BROKEN, SILENT, AcknowledgementLog, Sending

_RECONNECT_SECONDS = 0.2
_IDENTITY = ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber")
# Its retries would fill a failure's report.
logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)


class Address(Protocol):
    """Where an application entity answers."""

    @property
    def ae_title(self) -> str: ...
    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...


@dataclass(frozen=True)
class Client:
    """An SCU named `ae_title` that sends to the node at `address` and logs how each sending ended.

    An answer that does not come within `answer_seconds` on an open association is a silence.
    """

    address: Address
    log: AcknowledgementLog
    ae_title: str = "XRAYROOM"
    answer_seconds: float = 30

    def store(self, datasets: Iterable[Dataset]) -> list[int | None]:
        """Send each once, in one association; the statuses answered, None for no answer."""
        waiting = list(datasets)
        association = self._associate(waiting)
        statuses: list[int | None] = []
        for dataset in waiting:
            if not association.is_established:
                break
            statuses.append(self._send(association, dataset))
        if association.is_established:
            association.release()
        return statuses + [None] * (len(waiting) - len(statuses))

    def insist(self, datasets: Iterable[Dataset], *, limit_seconds: float) -> None:
        """Send until every data set is acknowledged; AssertionError when the time is over."""
        deadline = time.monotonic() + limit_seconds
        waiting = list(datasets)
        while waiting:
            assert time.monotonic() < deadline, f"{len(waiting)} data sets were never acknowledged"
            statuses = self.store(waiting)
            waiting = [one for one, status in zip(waiting, statuses, strict=True) if status != 0]
            if waiting:
                time.sleep(_RECONNECT_SECONDS)

    def _associate(self, datasets: Sequence[Dataset]) -> Any:
        ae = AE(self.ae_title)
        ae.connection_timeout = ae.acse_timeout = 10
        ae.dimse_timeout = ae.network_timeout = self.answer_seconds
        for context in {(one.SOPClassUID, one.file_meta.TransferSyntaxUID) for one in datasets}:
            ae.add_requested_context(*context)
        address = self.address
        return ae.associate(address.host, address.port, ae_title=address.ae_title)

    def _send(self, association: Any, dataset: Dataset) -> int | None:
        sending = sending_of(dataset)
        self.log.note_sending(sending)
        began = time.monotonic()
        status = association.send_c_store(dataset).get("Status")
        if status is not None:
            self.log.note_outcome(sending, status)
            return int(status)
        waited_seconds = time.monotonic() - began
        self.log.note_outcome(sending, SILENT if waited_seconds >= self.answer_seconds else BROKEN)
        return None


def sending_of(dataset: Dataset) -> Sending:
    return Sending(
        sop_instance_uid=str(dataset.SOPInstanceUID),
        study_instance_uid=str(dataset.StudyInstanceUID),
        sha256=digest_of(dataset),
        identity={word: str(dataset.get(word, "")) for word in _IDENTITY},
    )


def digest_of(dataset: Dataset) -> str:
    """SHA-256 of the data set as it is sent: the file without its meta information."""
    syntax = dataset.file_meta.TransferSyntaxUID
    encoded = encode(dataset, syntax.is_implicit_VR, syntax.is_little_endian)
    return hashlib.sha256(encoded or b"").hexdigest()
