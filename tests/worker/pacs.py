"""A PACS to send results to: a real SCP that accepts and answers as a test wants it to."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import (
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    SecondaryCaptureImageStorage,
)
from pynetdicom import AE, evt

from dicom_node.sender import Destination

RESULTS = (Comprehensive3DSRStorage, ComprehensiveSRStorage, SecondaryCaptureImageStorage)


@dataclass
class Pacs:
    """What came, in order; `status` is its answer to all of it."""

    destination: Destination
    status: int = 0x0000
    received: list[Dataset] = field(default_factory=list)
    contents: dict[str, bytes] = field(default_factory=dict)

    def store(self, event: evt.Event) -> int:
        if self.status == 0:
            uid = str(event.request.AffectedSOPInstanceUID)
            self.contents[uid] = event.request.DataSet.getvalue()
            self.received.append(dcmread(BytesIO(event.encoded_dataset())))
        return self.status

    def of_modality(self, *modalities: str) -> list[Dataset]:
        return [one for one in self.received if one.Modality in modalities]

    def reports(self) -> list[Dataset]:
        return self.of_modality("SR")

    def captures(self) -> list[Dataset]:
        return [one for one in self.received if one.SOPClassUID == SecondaryCaptureImageStorage]


@contextmanager
def running_pacs(
    accepts: Sequence[str] = RESULTS, port: int = 0, status: int = 0
) -> Iterator[Pacs]:
    ae = AE("PACS")
    for sop_class in accepts:
        ae.add_supported_context(sop_class)
    here = Pacs(Destination("PACS", "127.0.0.1", port), status)
    handlers = [(evt.EVT_C_STORE, here.store)]
    server = ae.start_server(("127.0.0.1", port), block=False, evt_handlers=handlers)
    here.destination = Destination("PACS", "127.0.0.1", server.server_address[1])
    try:
        yield here
    finally:
        server.shutdown()
