"""Results for a peer that takes nothing but Implicit VR Little Endian, the default of DICOM."""

import dataclasses
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.filewriter import correct_ambiguous_vr
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, evt

from dicom_node.default_syntax import file_in_syntax
from dicom_node.outbox import send_files
from dicom_node.peer import Destination, PeerRefused
from dicom_node.results.result_object import ResultKind, ResultObject
from dicom_node.sender import RESULT_SOP_CLASSES, SendableObject, Sender
from dicom_node.spool import FileSpool, SpoolUnavailable
from tests.dicom_node.listening import eventually
from tests.dicom_node.results.every_kind import every_kind, japanese_source
from tests.dicom_node.results.object_checks import conformance_errors, reread
from tests.dicom_node.sent_objects import CR, file_of, radiograph
from tests.dicom_node.test_sender import answers
from tests.servers import free_port
from tests.services import require_program

IMPLICIT = [ImplicitVRLittleEndian]
BOTH = [ImplicitVRLittleEndian, ExplicitVRLittleEndian]


@dataclass
class Pacs:
    """A storage SCP, and what it was sent: the files in which it would keep it."""

    port: int = 0
    received: list[bytes] = field(default_factory=list)

    @property
    def destination(self) -> Destination:
        return Destination("PACS", "127.0.0.1", self.port)

    def store(self, event: Any) -> int:
        self.received.append(event.encoded_dataset())
        return 0x0000

    def take(self) -> list[bytes]:
        """What has come since the last time."""
        files, self.received = self.received, []
        return files


@contextmanager
def running_pacs(syntaxes: Sequence[str], *sop_classes: str) -> Iterator[Pacs]:
    pacs, ae = Pacs(), AE("PACS")
    for sop_class in sop_classes or RESULT_SOP_CLASSES:
        ae.add_supported_context(sop_class, list(syntaxes))
    handlers = [(evt.EVT_C_STORE, pacs.store)]
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    pacs.port = server.server_address[1]
    try:
        yield pacs
    finally:
        server.shutdown()


@pytest.fixture(scope="module")
def made() -> dict[ResultKind, ResultObject]:
    return {one.kind: one for one in every_kind(japanese_source())}


@pytest.fixture(scope="module")
def spool(tmp_path_factory: pytest.TempPathFactory) -> FileSpool:
    return FileSpool(tmp_path_factory.mktemp("spool"))


@pytest.fixture(scope="module")
def pacs() -> Iterator[Pacs]:
    """It takes the default alone."""
    with running_pacs(IMPLICIT) as running:
        yield running


@pytest.fixture
def sender() -> Iterator[Sender]:
    sender = Sender("OSTEON")
    yield sender
    sender.close()


@pytest.fixture(scope="module")
def taken(
    made: dict[ResultKind, ResultObject], spool: FileSpool, pacs: Pacs
) -> dict[ResultKind, bytes]:
    """What has arrived there of each kind, as files."""
    sender = Sender("OSTEON")
    for one in made.values():
        sender.send(pacs.destination, kept(spool, one))
    sender.close()
    return dict(zip(made, pacs.take(), strict=True))


def kept(spool: FileSpool, made: ResultObject) -> SendableObject:
    key = spool.write(made.encoded).key
    return SendableObject(made.sop_class_uid, made.sop_instance_uid, lambda: spool.open(key))


def differences(kept: Dataset, arrived: Dataset) -> list[str]:
    """The keywords of what is not the same in both, on any level."""
    if list(kept.keys()) != list(arrived.keys()):
        return ["other elements"]
    return [
        f"{one.keyword} {inner}"
        for one, other in zip(kept, arrived, strict=True)
        for inner in _differences_of(one, other)
    ]


def _differences_of(one: Any, other: Any) -> list[str]:
    if one.VR == "SQ":
        if len(one.value) != len(other.value):
            return ["other items"]
        pairs = zip(one.value, other.value, strict=True)
        return [inner for items in pairs for inner in differences(*items)]
    # PS3.5 A.1: in the default syntax pixels are words, of which the bytes are the same.
    vr = "OW" if one.keyword == "PixelData" else one.VR
    return [] if (vr, one.value) == (other.VR, other.value) else [f"{other.VR} {other.value!s:.40}"]


@pytest.mark.parametrize("kind", ResultKind)
def test_every_kind_arrives_element_by_element(
    kind: ResultKind, made: dict[ResultKind, ResultObject], taken: dict[ResultKind, bytes]
) -> None:
    arrived = dcmread(BytesIO(taken[kind]))
    assert arrived.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian
    assert arrived.original_encoding == (True, True)
    assert differences(reread(made[kind]), correct_ambiguous_vr(arrived, True)) == []
    assert "山田^太郎" in str(arrived.PatientName)


@pytest.mark.integration
@pytest.mark.parametrize("kind", ResultKind)
def test_every_kind_arrives_as_a_valid_object(
    kind: ResultKind,
    made: dict[ResultKind, ResultObject],
    taken: dict[ResultKind, bytes],
    tmp_path: Path,
) -> None:
    arrived = dataclasses.replace(made[kind], encoded=taken[kind])
    assert conformance_errors(arrived, tmp_path) == []


def test_a_peer_that_takes_the_default_alone_accepts_all_classes(
    sender: Sender, pacs: Pacs
) -> None:
    assert sender.accepted_classes(pacs.destination) == set(RESULT_SOP_CLASSES)


def test_a_resend_has_the_same_bytes(
    made: dict[ResultKind, ResultObject],
    taken: dict[ResultKind, bytes],
    spool: FileSpool,
    sender: Sender,
    pacs: Pacs,
) -> None:
    for one in made.values():
        sender.send(pacs.destination, kept(spool, one))
    assert pacs.take() == list(taken.values())


def test_where_both_are_accepted_the_kept_bytes_go(
    made: dict[ResultKind, ResultObject], spool: FileSpool, sender: Sender
) -> None:
    one = made[ResultKind.SR]
    with running_pacs(BOTH) as pacs:
        sender.send(pacs.destination, kept(spool, one))
    [file] = pacs.take()
    assert dcmread(BytesIO(file)).file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert one.encoded.endswith(file[-10_000:])


def test_a_stream_that_is_no_file_is_encoded_anew_too(
    made: dict[ResultKind, ResultObject],
    taken: dict[ResultKind, bytes],
    sender: Sender,
    pacs: Pacs,
) -> None:
    one = made[ResultKind.KOS]
    in_memory = SendableObject(
        one.sop_class_uid, one.sop_instance_uid, lambda: BytesIO(one.encoded)
    )
    sender.send(pacs.destination, in_memory)
    assert pacs.take() == [taken[ResultKind.KOS]]


def test_files_that_are_no_results_go_in_their_own_syntax_or_not_at_all(tmp_path: Path) -> None:
    explicit = file_of(radiograph(), tmp_path)
    implicit = file_of(radiograph(), tmp_path, ImplicitVRLittleEndian)
    with running_pacs(IMPLICIT, CR) as pacs:
        outcomes = list(send_files(pacs.destination, "OSTEON", [explicit, implicit]))
    assert [outcome.stored for outcome in outcomes] == [False, True]
    assert "does not accept Computed Radiography" in outcomes[0].said
    assert pacs.take()[0][-6000:] == implicit.read_bytes()[-6000:]


def test_a_class_accepted_in_neither_is_refused(
    made: dict[ResultKind, ResultObject], spool: FileSpool, sender: Sender
) -> None:
    refused = pytest.raises(PeerRefused, match="does not accept Encapsulated PDF")
    with running_pacs(IMPLICIT, made[ResultKind.SR].sop_class_uid) as pacs, refused:
        sender.send(pacs.destination, kept(spool, made[ResultKind.PDF]))


def test_private_elements_keep_their_bytes(tmp_path: Path) -> None:
    item = Dataset()
    item.PatientName = "Müller^Jörg"
    dataset = radiograph(RequestAttributesSequence=[item])
    block = dataset.private_block(0x0011, "OSTEON TEST", create=True)
    block.add_new(1, "LO", "Größe")
    block.add_new(2, "US", [3, 70])
    block.add_new(3, "UN", b"\x00\x01\x02\x03")
    path = file_of(dataset, tmp_path)
    with file_in_syntax(ImplicitVRLittleEndian, path) as file:
        arrived = dcmread(file)
    private = [arrived[0x0011, number].value for number in (0x0010, 0x1001, 0x1002, 0x1003)]
    assert private[0] == "OSTEON TEST"
    assert private[1:] == ["Größe".encode("latin-1") + b" ", b"\x03\0\x46\0", b"\0\x01\x02\x03"]
    assert arrived.RequestAttributesSequence[0].PatientName == "Müller^Jörg"


def test_the_kept_file_itself_is_given_where_nothing_is_encoded(tmp_path: Path) -> None:
    path = tmp_path / "absent"
    with file_in_syntax(ExplicitVRLittleEndian, path) as file:
        assert file == path


def test_the_temporary_file_lies_on_the_disk_of_the_kept_one_without_a_name(tmp_path: Path) -> None:
    path = file_of(radiograph(), tmp_path)
    with file_in_syntax(ImplicitVRLittleEndian, path) as file:
        assert file.stat().st_dev == path.stat().st_dev
        assert file.stat().st_nlink == 0
        assert file.stat().st_mode & 0o077 == 0
        assert list(tmp_path.iterdir()) == [path]
    assert not file.exists()


@pytest.mark.parametrize("lost", ["file", "folder/file"])
def test_what_cannot_be_read_or_written_is_trouble_of_the_spool(lost: str, tmp_path: Path) -> None:
    trouble = pytest.raises(SpoolUnavailable, match="No such file")
    with trouble, file_in_syntax(ImplicitVRLittleEndian, tmp_path / lost):
        pass


@pytest.mark.integration
def test_storescp_that_takes_the_default_alone_stores_them(
    made: dict[ResultKind, ResultObject], spool: FileSpool, sender: Sender, tmp_path: Path
) -> None:
    program, port = require_program("storescp", "dcmtk"), free_port()
    with subprocess.Popen([program, "+xi", "+B", "-od", str(tmp_path), str(port)]) as process:
        try:
            assert eventually(lambda: answers(port))
            for one in made.values():
                sender.send(Destination("PACS", "127.0.0.1", port), kept(spool, one))
        finally:
            sender.close()
            process.terminate()
    stored = {str(one.SOPInstanceUID): one for one in map(dcmread, tmp_path.iterdir())}
    for one in made.values():
        arrived = correct_ambiguous_vr(stored[one.sop_instance_uid], True)
        assert arrived.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian
        assert differences(reread(one), arrived) == []
