"""`osteon send` and `osteon echo` against real peers, with every way of not being answered."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pydicom.uid import DigitalXRayImageStorageForPresentation
from pynetdicom import AE, evt
from pynetdicom.sop_class import Verification

from dicom_node.dicomize import write_dicom
from dicom_node.phantom_study import Rendering, phantom_study
from tests.cli.shell import Shell
from tests.servers import free_port


@dataclass
class Peer:
    """A storage SCP that answers with `status`."""

    port: int = 0
    status: int = 0x0000
    received: list[str] = field(default_factory=list)

    def store(self, event: evt.Event) -> int:
        self.received.append(event.request.AffectedSOPInstanceUID)
        return self.status


@contextmanager
def running_peer() -> Iterator[Peer]:
    ae = AE("PEER")
    ae.require_called_aet = True
    for sop_class in (Verification, DigitalXRayImageStorageForPresentation):
        ae.add_supported_context(sop_class)
    peer = Peer()
    handlers = [(evt.EVT_C_STORE, peer.store)]
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    peer.port = server.server_address[1]
    try:
        yield peer
    finally:
        server.shutdown()


@pytest.fixture(scope="module")
def images(shell: Shell) -> list[str]:
    folder = shell.folder / "study"
    folder.mkdir()
    for number, dataset in enumerate(
        phantom_study(5, fractured=False, rendering=Rendering(128, 96))
    ):
        write_dicom(dataset, folder / f"{number}.dcm")
    return [str(path) for path in sorted(folder.iterdir())]


def test_a_peer_that_answers(shell: Shell) -> None:
    with running_peer() as peer:
        outcome = shell.run("echo", f"PEER@127.0.0.1:{peer.port}")
    assert outcome.code == 0, outcome.stderr
    assert "answers C-ECHO" in outcome.stdout


def test_a_peer_that_is_not_there(shell: Shell) -> None:
    outcome = shell.run("echo", f"PEER@127.0.0.1:{free_port()}")
    assert (outcome.code, outcome.stdout) == (60, "")
    assert "is the peer running" in outcome.stderr


def test_a_peer_with_another_name(shell: Shell) -> None:
    with running_peer() as peer:
        outcome = shell.run("echo", f"OTHER@127.0.0.1:{peer.port}")
    assert outcome.code == 61
    assert "is not called OTHER" in outcome.stderr


@pytest.mark.parametrize("address", ["PEER", "PEER@localhost", "A NAME TOO LONG FOR AN AE@h:1"])
def test_an_address_that_is_none(shell: Shell, address: str) -> None:
    outcome = shell.run("echo", address)
    assert outcome.code == 1
    assert "AET@HOST:PORT" in outcome.stderr


def test_files_and_folders_are_sent(shell: Shell, images: list[str]) -> None:
    with running_peer() as peer:
        outcome = shell.run_anew("send", f"PEER@127.0.0.1:{peer.port}", "study", images[0])
    assert outcome.code == 0, outcome.stderr
    assert len(peer.received) == 3
    assert len(outcome.stdout.splitlines()) == 3
    assert all(line.endswith(": stored") for line in outcome.stdout.splitlines())


def test_a_refusal_is_told_per_file(shell: Shell, images: list[str]) -> None:
    with running_peer() as peer:
        peer.status = 0xA900
        outcome = shell.run("send", f"PEER@127.0.0.1:{peer.port}", *images)
    assert outcome.code == 61
    assert [line.count("unlike its SOP class") for line in outcome.stdout.splitlines()] == [1, 1]


def test_a_file_that_is_not_there(shell: Shell) -> None:
    outcome = shell.run("send", "PEER@127.0.0.1:104", "nowhere.dcm")
    assert (outcome.code, outcome.stdout) == (20, "")
    assert "nowhere.dcm" in outcome.stderr


def test_a_file_that_is_not_dicom_is_passed_over(
    shell: Shell, images: list[str], tmp_path: Path
) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear colleague")
    with running_peer() as peer:
        outcome = shell.run("send", f"PEER@127.0.0.1:{peer.port}", str(letter), images[0])
    assert outcome.code == 20
    assert len(peer.received) == 1
