"""What can only be seen of a listener from outside: memory, processor, its output."""

import contextlib
import re
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom.association import Association
from pynetdicom.sop_class import Verification

from db.session import open_ledger, reading
from db.tables import Instance
from dicom_node.statuses import StoreStatus
from tests.dicom_node.listening import (
    associated,
    eventually,
    send_command,
    send_without_waiting,
    store,
    store_command,
)
from tests.dicom_node.sent_objects import CR, encoded, radiograph

pytestmark = pytest.mark.integration
MIB = 1 << 20
CANARY = "CANARY"


@dataclass
class ListenerProcess:
    port: int
    process: subprocess.Popen[str]

    def memory_mib(self, field: str) -> float:
        """VmRSS, what it has now, or VmHWM, the most it ever had."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        [kib] = re.findall(rf"{field}:\s+(\d+) kB", status)
        return int(kib) / 1024


@contextlib.contextmanager
def running_process(ledger_url: str, folder: Path, *, output: Path) -> Iterator[ListenerProcess]:
    command = [sys.executable, "-m", "tests.dicom_node.listener_process", ledger_url, str(folder)]
    with output.open("w") as errors:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    assert process.stdin is not None
    assert process.stdout is not None
    lines = iter(process.stdout)
    port = next(int(line.split()[1]) for line in lines if line.startswith("port "))
    try:
        yield ListenerProcess(port, process)
    finally:
        process.stdin.close()
        rest = process.stdout.read()
        process.wait(timeout=30)
        with output.open("a") as file:
            file.write(rest)


@pytest.mark.slow
@pytest.mark.requirement("R-KEEP-5")
def test_twenty_associations_with_50_megabytes_each_stay_within_64_mebibytes(
    sqlite_ledger_url: str, tmp_path: Path
) -> None:
    output = tmp_path / "output"
    with running_process(sqlite_ledger_url, tmp_path / "spool", output=output) as listener:
        with associated(listener.port, CR) as association:
            store(association, radiograph())
        base_mib = listener.memory_mib("VmRSS")
        pixels = bytes(50_000_000)

        def send(number: int) -> int:
            with associated(listener.port, CR) as association:
                return store_large(association, number, pixels)

        with ThreadPoolExecutor(20) as pool:
            assert set(pool.map(send, range(20))) == {StoreStatus.SUCCESS}
        peak_mib = listener.memory_mib("VmHWM")
    assert peak_mib <= base_mib + 64, f"from {base_mib:.0f} to {peak_mib:.0f} MiB"


def store_large(association: Association, number: int, pixels: bytes) -> int:
    """Store a radiograph with these pixels, in PDUs of 128 KiB straight onto the socket."""
    dataset = radiograph(InstanceNumber=number)
    head = encoded(dataset)[: -len(dataset.PixelData) - 4] + struct.pack("<L", len(pixels))
    client = association.dul.socket.socket
    send_without_waiting(association, 1, store_command(dataset), head + b"\0")
    assert eventually(association.dul.to_provider_queue.empty)
    send_data(client, head, 0)
    for start in range(0, len(pixels), 131_000):
        piece = pixels[start : start + 131_000]
        send_data(client, piece, 2 if start + len(piece) == len(pixels) else 0)
    association._reactor_checkpoint.clear()
    _, response = association.dimse.get_msg(block=True)
    association._reactor_checkpoint.set()
    return int(response.Status)


def send_data(client: socket.socket, piece: bytes, control: int) -> None:
    length = len(piece) + 2
    client.sendall(struct.pack(">BBLLBB", 4, 0, length + 4, length, 1, control) + piece)


def test_forty_idle_associations_cost_next_to_nothing(
    sqlite_ledger_url: str, tmp_path: Path
) -> None:
    output = tmp_path / "output"
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(
            running_process(sqlite_ledger_url, tmp_path / "spool", output=output)
        )
        for _ in range(40):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", listener.port)))
            client.sendall(associate_request())
            assert client.recv(6)[0] == 2  # A-ASSOCIATE-AC
        process = psutil.Process(listener.process.pid)
        before = process.cpu_times()
        time.sleep(2)
        after = process.cpu_times()
        assert (after.user + after.system) - (before.user + before.system) < 0.1


def associate_request(calling: bytes = b"IDLE") -> bytes:
    """An A-ASSOCIATE-RQ for Verification (PS3.8 9.3.2), without a client that polls behind it."""

    def item(kind: int, content: bytes) -> bytes:
        return struct.pack(">BBH", kind, 0, len(content)) + content

    syntaxes = item(0x30, Verification.encode()) + item(0x40, b"1.2.840.10008.1.2")
    context = item(0x20, b"\x01\0\0\0" + syntaxes)
    user = item(0x50, item(0x51, struct.pack(">L", 16384)) + item(0x52, b"1.2.3"))
    titles = b"OSTEON".ljust(16) + calling.ljust(16)
    application = item(0x10, b"1.2.840.10008.3.1.1.1")
    body = struct.pack(">HH", 1, 0) + titles + bytes(32) + application + context + user
    return struct.pack(">BBL", 1, 0, len(body)) + body


def test_no_patient_data_reaches_any_output(sqlite_ledger_url: str, tmp_path: Path) -> None:
    output = tmp_path / "output"
    with running_process(sqlite_ledger_url, tmp_path / "spool", output=output) as listener:
        send_canaries(listener.port)
    engine = open_ledger(sqlite_ledger_url)
    with reading(engine) as session:
        assert session.query(Instance).count() >= 4
    written = output.read_text()
    assert written.count("c_store") >= 8
    assert CANARY not in written
    assert "\x1b[2J" not in written


def send_canaries(port: int) -> None:
    """Whatever makes libraries warn or fail, with the canary in every patient's value."""
    wrong = {"PatientBirthDate": f"{CANARY}1", "PatientSex": f"{CANARY}{'2' * 40}"}
    sent = [
        marked(),
        marked(SpecificCharacterSet="NO SUCH SET"),
        marked(SpecificCharacterSet="\\ISO 2022 IR 87"),
        marked(**wrong),
        marked(SeriesNumber=None),
        marked(StudyInstanceUID=UID(f"{CANARY}\x1b[2J", validation_mode=0)),
        marked(SOPInstanceUID=UID(f"{CANARY}\n0x0000", validation_mode=0)),
    ]
    for dataset in sent:
        with associated(port, CR) as association:
            command = store_command(radiograph())
            if CANARY not in dataset.SOPInstanceUID:
                command = store_command(dataset)
            send_command(association, 1, command, encoded(dataset))
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(associate_request(calling=b"EVIL\x1b[2J\n0x0000"))
        client.recv(6)
    truncated = marked()
    with associated(port, CR) as association:
        send_command(association, 1, store_command(truncated), encoded(truncated)[:250])
        send_without_waiting(association, 1, store_command(truncated), encoded(truncated))
        association.abort()


def marked(**changes: Any) -> Dataset:
    texts = ("PatientName", "PatientID", "AccessionNumber", "StudyDescription")
    return radiograph(**dict.fromkeys(texts, f"{CANARY}^ü") | changes)
