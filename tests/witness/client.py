"""The witness's C-STORE SCU: sends as a modality does, repeats until answered, keeps a log."""

import hashlib
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from pydicom.dataset import Dataset
from pynetdicom.dsutils import encode

from tests.witness.acknowledgements import BROKEN, SILENT, AcknowledgementLog, Sending
from tests.witness.association import Association, AssociationBroken, NoAnswer

_RECONNECT_SECONDS = 0.2
_IDENTITY = ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber")


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
        waiting = [(sending_of(dataset), dataset) for dataset in datasets]
        statuses: list[int | None] = []
        with suppress(AssociationBroken), self._associate(one for _, one in waiting) as association:
            for sending, dataset in waiting:
                status = self._send(association, sending, dataset)
                statuses.append(status)
                if status is None:
                    break
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

    def _associate(self, datasets: Iterable[Dataset]) -> Association:
        contexts = {
            (str(one.SOPClassUID), str(one.file_meta.TransferSyntaxUID)): None for one in datasets
        }
        where, called = (self.address.host, self.address.port), self.address.ae_title
        return Association(where, (called, self.ae_title), list(contexts), self.answer_seconds)

    def _send(self, association: Association, sending: Sending, dataset: Dataset) -> int | None:
        syntax = str(dataset.file_meta.TransferSyntaxUID)
        names = (str(dataset.SOPClassUID), sending.sop_instance_uid, syntax)
        self.log.note_sending(sending)
        try:
            status = association.store(*names, encoded(dataset))
        except (AssociationBroken, NoAnswer) as failure:
            self.log.note_outcome(sending, SILENT if isinstance(failure, NoAnswer) else BROKEN)
            return None
        self.log.note_outcome(sending, status)
        return status


def sending_of(dataset: Dataset) -> Sending:
    return Sending(
        sop_instance_uid=str(dataset.SOPInstanceUID),
        study_instance_uid=str(dataset.StudyInstanceUID),
        sha256=hashlib.sha256(encoded(dataset)).hexdigest(),
        identity={word: str(dataset.get(word, "")) for word in _IDENTITY},
    )


def encoded(dataset: Dataset) -> bytes:
    """The data set as it is sent: the file without its meta information."""
    syntax = dataset.file_meta.TransferSyntaxUID
    return encode(dataset, syntax.is_implicit_VR, syntax.is_little_endian) or b""
