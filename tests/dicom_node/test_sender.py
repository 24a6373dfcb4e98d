"""The sender against real SCPs: what is stored, what is tried again, and what a person must see."""

import contextlib
import io
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.sop_class import (
    BasicVoiceAudioWaveformStorage,
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    SecondaryCaptureImageStorage,
    Verification,
)

from dicom_node.peer import Destination, NothingAccepted, PeerRefused, PeerUnavailable
from dicom_node.sender import SendableObject, Sender
from dicom_node.spool import FileSpool
from tests.dicom_node.listening import eventually
from tests.dicom_node.sent_objects import file_of, radiograph
from tests.servers import free_port
from tests.services import require_program


@dataclass
class Pacs:
    """An SCP that answers as it is told, and what it was sent."""

    status: int = 0x0000
    stored: list[bytes] = field(default_factory=list)
    associations: int = 0
    answer_after_seconds: float = 0
    server: Any = None

    @property
    def destination(self) -> Destination:
        return Destination("PACS", "127.0.0.1", self.server.server_address[1], 2, 2, 2)

    def handle_store(self, event: Any) -> int:
        time.sleep(self.answer_after_seconds)
        if self.status == 0xDEAD:
            event.assoc.abort()
        self.stored.append(event.encoded_dataset(include_meta=False))
        return self.status

    def count(self, _event: Any) -> None:
        self.associations += 1


@contextlib.contextmanager
def running_pacs(*sop_classes: str, **behaviour: Any) -> Iterator[Pacs]:
    pacs = Pacs(**behaviour)
    ae = AE("PACS")
    ae.require_called_aet = True
    for sop_class in sop_classes:
        ae.add_supported_context(sop_class, ExplicitVRLittleEndian)
    handlers = [(evt.EVT_C_STORE, pacs.handle_store), (evt.EVT_ESTABLISHED, pacs.count)]
    pacs.server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    try:
        yield pacs
    finally:
        pacs.server.shutdown()


@pytest.fixture
def sender() -> Iterator[Sender]:
    sender = Sender("OSTEON", idle_seconds=0.3)
    yield sender
    sender.close()


@pytest.fixture
def report(tmp_path: Path) -> SendableObject:
    return sendable(tmp_path, Comprehensive3DSRStorage)


def sendable(folder: Path, sop_class_uid: str) -> SendableObject:
    """Any object will do: neither we nor the SCP look inside."""
    dataset = radiograph(SOPClassUID=sop_class_uid)
    content = file_of(dataset, folder).read_bytes()
    spool = FileSpool(folder / "spool")
    key = spool.write(content).key
    return SendableObject(sop_class_uid, dataset.SOPInstanceUID, lambda: spool.open(key))


def test_the_bytes_arrive_as_they_were_encoded(sender: Sender, report: SendableObject) -> None:
    with running_pacs(Comprehensive3DSRStorage) as pacs, report.open() as file:
        sent = sender.send(pacs.destination, report)
        assert (sent.status, sent.warning) == (0, None)
        assert sent.sop_instance_uid == report.sop_instance_uid
        assert file.read().endswith(pacs.stored[0])


def test_a_stream_that_is_no_file_is_sent_too(sender: Sender, report: SendableObject) -> None:
    with report.open() as file:
        content = file.read()
    in_memory = SendableObject(
        report.sop_class_uid, report.sop_instance_uid, lambda: io.BytesIO(content)
    )
    with running_pacs(Comprehensive3DSRStorage) as pacs:
        sender.send(pacs.destination, in_memory)
        assert content.endswith(pacs.stored[0])


def test_a_peer_is_asked_what_it_takes_before_anything_is_sent(sender: Sender) -> None:
    with running_pacs(ComprehensiveSRStorage, Verification) as pacs:
        assert sender.accepted_classes(pacs.destination) == {ComprehensiveSRStorage, Verification}
        assert sender.accepted_classes(pacs.destination)
        assert (pacs.associations, pacs.stored) == (1, [])


@pytest.mark.parametrize("status", [0xB000, 0xB006, 0xB007])
def test_a_warning_is_stored_and_told(sender: Sender, report: SendableObject, status: int) -> None:
    with running_pacs(Comprehensive3DSRStorage, status=status) as pacs:
        sent = sender.send(pacs.destination, report)
    assert sent.status == status
    assert f"0x{status:04X}" in str(sent.warning)


@pytest.mark.parametrize("status", [0xA700, 0xA702, 0x0110])
def test_a_passing_failure(sender: Sender, report: SendableObject, status: int) -> None:
    with (
        running_pacs(Comprehensive3DSRStorage, status=status) as pacs,
        pytest.raises(PeerUnavailable) as failure,
    ):
        sender.send(pacs.destination, report)
    assert failure.value.status == status
    assert len(pacs.stored) == 1


@pytest.mark.parametrize("status", [0xA900, 0xC000, 0xC123, 0x0122, 0x0124])
def test_a_lasting_refusal(sender: Sender, report: SendableObject, status: int) -> None:
    with (
        running_pacs(Comprehensive3DSRStorage, status=status) as pacs,
        pytest.raises(PeerRefused, match=f"0x{status:04X}"),
    ):
        sender.send(pacs.destination, report)


def test_a_peer_that_does_not_take_the_class(sender: Sender, report: SendableObject) -> None:
    with (
        running_pacs(SecondaryCaptureImageStorage) as pacs,
        pytest.raises(PeerRefused, match="does not accept Comprehensive 3D SR Storage"),
    ):
        sender.send(pacs.destination, report)
    with (
        running_pacs(BasicVoiceAudioWaveformStorage) as pacs,
        pytest.raises(NothingAccepted, match="accepts none"),
    ):
        sender.send(pacs.destination, report)


def test_a_peer_that_aborts(sender: Sender, report: SendableObject) -> None:
    with (
        running_pacs(Comprehensive3DSRStorage, status=0xDEAD) as pacs,
        pytest.raises(PeerUnavailable, match="broke off"),
    ):
        sender.send(pacs.destination, report)


def test_a_peer_that_never_answers(sender: Sender, report: SendableObject) -> None:
    with (
        running_pacs(Comprehensive3DSRStorage, answer_after_seconds=4) as pacs,
        pytest.raises(PeerUnavailable, match="did not answer in time"),
    ):
        sender.send(pacs.destination, report)


def test_a_peer_that_is_not_there_and_comes_back(sender: Sender, report: SendableObject) -> None:
    nowhere = Destination("PACS", "127.0.0.1", free_port())
    with pytest.raises(PeerUnavailable, match="connection refused"):
        sender.send(nowhere, report)
    with running_pacs(Comprehensive3DSRStorage) as pacs:
        sender.send(pacs.destination, report)


def test_an_association_is_kept_for_the_next_object(sender: Sender, report: SendableObject) -> None:
    with running_pacs(Comprehensive3DSRStorage) as pacs:
        for _ in range(5):
            sender.send(pacs.destination, report)
        assert (pacs.associations, len(pacs.stored)) == (1, 5)
        assert eventually(lambda: not pacs.server.active_associations, seconds=2)
        sender.send(pacs.destination, report)
        assert pacs.associations == 2


def test_a_kept_association_that_the_peer_closed_is_replaced(
    sender: Sender, report: SendableObject
) -> None:
    with running_pacs(Comprehensive3DSRStorage) as pacs:
        sender.send(pacs.destination, report)
        for association in pacs.server.active_associations:
            association.abort()
        sender.send(pacs.destination, report)
        assert (pacs.associations, len(pacs.stored)) == (2, 2)


def test_many_threads_share_one_association(sender: Sender, report: SendableObject) -> None:
    with running_pacs(Comprehensive3DSRStorage) as pacs:
        with ThreadPoolExecutor(8) as pool:
            sent = pool.map(lambda _: sender.send(pacs.destination, report), range(24))
            assert {outcome.status for outcome in sent} == {0}
        assert (pacs.associations, len(pacs.stored)) == (1, 24)


def test_small_objects_do_not_wait_for_delayed_acknowledgements(
    sender: Sender, report: SendableObject
) -> None:
    with running_pacs(Comprehensive3DSRStorage) as pacs:
        sender.send(pacs.destination, report)
        [line] = sender._lines.values()
        client = line._association.dul.socket.socket
        assert client.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_closing_releases_everything(report: SendableObject) -> None:
    sender = Sender("OSTEON", idle_seconds=60)
    with running_pacs(Comprehensive3DSRStorage, Verification) as pacs:
        sender.send(pacs.destination, report)
        sender.close()
        assert eventually(lambda: not pacs.server.active_associations)
    assert not [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]


@pytest.mark.integration
def test_storescp_stores_what_was_sent(sender: Sender, tmp_path: Path) -> None:
    image = sendable(tmp_path, SecondaryCaptureImageStorage)
    (received := tmp_path / "received").mkdir()
    program, port = require_program("storescp", "dcmtk"), free_port()
    process = subprocess.Popen([program, "+B", "-od", str(received), str(port)])
    try:
        assert eventually(lambda: answers(port))
        sender.send(Destination("PACS", "127.0.0.1", port), image)
    finally:
        sender.close()
        process.terminate()
        process.wait()
    [path] = received.iterdir()
    with image.open() as file:
        assert file.read()[-6000:] == path.read_bytes()[-6000:]


def answers(port: int) -> bool:
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    return False
