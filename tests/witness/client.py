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
        waiting = [_encode(dataset) for dataset in datasets]
        statuses: list[int | None] = []
        with suppress(AssociationBroken), self._associate(waiting) as association:
            for message in waiting:
                status = self._send(association, message)
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

    def _associate(self, messages: "Iterable[_Message]") -> Association:
        contexts = dict.fromkeys((one.sop_class_uid, one.transfer_syntax_uid) for one in messages)
        where, called = (self.address.host, self.address.port), self.address.ae_title
        return Association(where, (called, self.ae_title), list(contexts), self.answer_seconds)

    def _send(self, association: Association, message: "_Message") -> int | None:
        sending = message.sending
        self.log.note_sending(sending)
        try:
            status = association.store(
                message.sop_class_uid,
                sending.sop_instance_uid,
                message.transfer_syntax_uid,
                message.data_set,
            )
        except (AssociationBroken, NoAnswer) as failure:
            self.log.note_outcome(sending, SILENT if isinstance(failure, NoAnswer) else BROKEN)
            return None
        self.log.note_outcome(sending, status)
        return status


@dataclass(frozen=True)
class _Message:
    """A data set as it goes over the wire, and what the log says of it."""

    sending: Sending
    sop_class_uid: str
    transfer_syntax_uid: str
    data_set: bytes


def _encode(dataset: Dataset) -> _Message:
    syntax = dataset.file_meta.TransferSyntaxUID
    data_set = encode(dataset, syntax.is_implicit_VR, syntax.is_little_endian) or b""
    sending = Sending(
        sop_instance_uid=str(dataset.SOPInstanceUID),
        study_instance_uid=str(dataset.StudyInstanceUID),
        sha256=hashlib.sha256(data_set).hexdigest(),
        identity={word: str(dataset.get(word, "")) for word in _IDENTITY},
    )
    return _Message(sending, str(dataset.SOPClassUID), str(syntax), data_set)
