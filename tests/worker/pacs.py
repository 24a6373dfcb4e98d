"""A PACS to send results to: a real SCP that accepts and answers as a test wants it to."""

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from io import BytesIO
from typing import Any

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import (
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    SecondaryCaptureImageStorage,
)
from pynetdicom import AE, build_context, build_role, evt
from pynetdicom.sop_class import (
    StorageCommitmentPushModel,
    StudyRootQueryRetrieveInformationModelFind,
)

from dicom_node.commitment.messages import PUSH_MODEL_INSTANCE
from dicom_node.sender import Destination

RESULTS = (Comprehensive3DSRStorage, ComprehensiveSRStorage, SecondaryCaptureImageStorage)
_NO_SUCH_INSTANCE = 0x0112
_NO_SUCH_SOP_CLASS = 0x0118


class Commitment(Enum):
    """What the PACS does when it is asked by N-ACTION what it keeps."""

    ANSWERS_HERE = "an N-EVENT-REPORT on the association that asked"
    ANSWERS_LATER = "Success; the N-EVENT-REPORT comes when the test calls back, if ever"
    REFUSES = "no Success"
    BREAKS_OFF = "an abort"


@dataclass
class Pacs:
    """What came, in order; `status` is its answer to all of it.

    Objects whose UIDs are in `lost` it took and does not keep; those in `unmentioned` it leaves out
    of what it reports.
    """

    destination: Destination
    status: int = 0x0000
    commitment: Commitment | None = None
    can_search: bool = True  # what it does with a query that it has let in
    received: list[Dataset] = field(default_factory=list)
    contents: dict[str, bytes] = field(default_factory=dict)
    sendings: dict[str, list[bytes]] = field(default_factory=dict)
    associations: int = 0
    questions: list[Dataset] = field(default_factory=list)
    lost: set[str] = field(default_factory=set)
    unmentioned: set[str] = field(default_factory=set)
    statuses: dict[str, int] = field(default_factory=dict)  # of single objects, by their UID

    def count(self, _event: evt.Event) -> None:
        self.associations += 1

    def store(self, event: evt.Event) -> int:
        uid = str(event.request.AffectedSOPInstanceUID)
        status = self.statuses.get(uid, self.status)
        if status == 0:
            self.contents[uid] = event.request.DataSet.getvalue()
            self.sendings.setdefault(uid, []).append(self.contents[uid])
            self.received.append(dcmread(BytesIO(event.encoded_dataset())))
        return status

    def commit(self, event: evt.Event) -> tuple[int, None]:
        self.questions.append(event.action_information)
        if self.commitment is Commitment.BREAKS_OFF:
            event.assoc.abort()
        if self.commitment is Commitment.REFUSES:
            return _NO_SUCH_SOP_CLASS, None
        answer = self._report(event.action_information)
        if self.commitment is Commitment.ANSWERS_HERE:
            threading.Thread(target=_tell, args=(event.assoc, *answer), daemon=True).start()
        return 0x0000, None

    def call_back(self, caller: Destination) -> int:
        """Answer the last question, on an association of its own; what we say to that."""
        association = AE("PACS").associate(
            caller.host,
            caller.port,
            contexts=[build_context(StorageCommitmentPushModel)],
            ae_title=caller.ae_title,
            ext_neg=[build_role(StorageCommitmentPushModel, scp_role=True)],
        )
        try:
            return _tell(association, *self._report(self.questions[-1]))
        finally:
            association.release()

    def find(self, event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        if not self.can_search:
            event.assoc.abort()
            return
        if event.identifier.SOPInstanceUID in self.contents.keys() - self.lost:
            yield 0xFF00, event.identifier

    def of_modality(self, *modalities: str) -> list[Dataset]:
        return [one for one in self.received if one.Modality in modalities]

    def reports(self) -> list[Dataset]:
        return self.of_modality("SR")

    def captures(self) -> list[Dataset]:
        return [one for one in self.received if one.SeriesNumber == 9102]

    def summaries(self) -> list[Dataset]:
        return [one for one in self.received if one.SeriesNumber == 9107]

    def _report(self, question: Dataset) -> tuple[int, Dataset]:
        """Event type and information, PS3.4 table J.3-2."""
        report, failed = Dataset(), []
        report.TransactionUID = question.TransactionUID
        report.ReferencedSOPSequence = []
        for item in question.ReferencedSOPSequence:
            if item.ReferencedSOPInstanceUID in self.contents.keys() - self.lost:
                report.ReferencedSOPSequence.append(item)
            elif item.ReferencedSOPInstanceUID not in self.unmentioned:
                item.FailureReason = _NO_SUCH_INSTANCE
                failed.append(item)
        if failed:
            report.FailedSOPSequence = failed
        return (2 if failed else 1), report


@contextmanager
def running_pacs(
    accepts: Sequence[str] = RESULTS,
    port: int = 0,
    status: int = 0,
    *,
    commitment: Commitment | None = None,
    answers_queries: bool = False,
    knows: Sequence[str] = (),
) -> Iterator[Pacs]:
    """`knows`: the calling AE titles it admits; none named: all of them."""
    ae = AE("PACS")
    ae.require_calling_aet = list(knows)
    for sop_class in accepts:
        ae.add_supported_context(sop_class)
    if commitment is not None:
        ae.add_supported_context(StorageCommitmentPushModel)
    if answers_queries:
        ae.add_supported_context(StudyRootQueryRetrieveInformationModelFind)
    here = Pacs(Destination("PACS", "127.0.0.1", port), status, commitment)
    handlers = [
        (evt.EVT_ESTABLISHED, here.count),
        (evt.EVT_C_STORE, here.store),
        (evt.EVT_N_ACTION, here.commit),
        (evt.EVT_C_FIND, here.find),
    ]
    server = ae.start_server(("127.0.0.1", port), block=False, evt_handlers=handlers)
    here.destination = Destination("PACS", "127.0.0.1", server.server_address[1])
    try:
        yield here
    finally:
        server.shutdown()


@contextmanager
def hanging_pacs(patience_seconds: float) -> Iterator[Destination]:
    """A port that takes connections and never answers; who calls waits for so long."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = int(server.getsockname()[1])
        yield Destination("HANGS", "127.0.0.1", port, acse_timeout_seconds=patience_seconds)


def _tell(association: Any, event_type: int, report: Dataset) -> int:
    status, _ = association.send_n_event_report(
        report, event_type, StorageCommitmentPushModel, PUSH_MODEL_INSTANCE
    )
    return int(status.Status)
