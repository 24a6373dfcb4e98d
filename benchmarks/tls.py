"""What TLS costs a listener: a handshake, a C-ECHO, and a megabyte stored, beside plain TCP.

    python -m benchmarks.tls [--rounds N] [--objects N] [--megabytes N]

A node's listener in a process of its own, with certificates of `osteon peers certificate`; each way
is taken in turn, so that whatever else the machine does meets all alike. What processor time both
sides take together depends on that the least.
"""

import os
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import Annotated

import numpy as np
import psutil
import typer
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian, generate_uid

from cli.output import print_table
from db.upgrade import upgrade_ledger
from dicom_node.echo import verify_peer
from dicom_node.outbox import send_datasets
from dicom_node.peer import Destination, PeerTrouble
from dicom_node.tls import TlsFiles, client_context
from dicom_node.tls_client import PeerTls
from dicom_node.trial_authority import TrialAuthority

_HOST, _TITLE, _CALLER = "127.0.0.1", "OSTEON", "BENCHMARK"
_READY_SECONDS = 60
_WAY, _CONNECTION, _ECHO, _STORE = "ms (p95); processor", "connection", "C-ECHO", "C-STORE"
_PLAIN, _TLS12, _TLS13 = "plain TCP", "TLS 1.2", "TLS 1.3"


@dataclass(frozen=True)
class Reached:
    """The listener's two ports, and what we show at the second."""

    plain_port: int
    tls_port: int
    files: TlsFiles
    listener: psutil.Process

    def destination(self, way: str) -> Destination:
        if way == _PLAIN:
            return Destination(_TITLE, _HOST, self.plain_port)
        return Destination(_TITLE, _HOST, self.tls_port, tls=PeerTls(self.files))


@dataclass
class Times:
    """Seconds of each way, round by round, and the processor's seconds in all."""

    listener: psutil.Process
    of: dict[str, list[float]] = field(default_factory=dict)
    processor: dict[str, float] = field(default_factory=dict)

    def take(self, way: str, does: Callable[[], object]) -> None:
        began, processor = time.perf_counter(), self._processor_seconds()
        does()
        self.of.setdefault(way, []).append(time.perf_counter() - began)
        taken = self._processor_seconds() - processor
        self.processor[way] = self.processor.get(way, 0) + taken

    def _processor_seconds(self) -> float:
        listener = self.listener.cpu_times()
        return time.process_time() + listener.user + listener.system

    def milliseconds(self, way: str) -> str:
        if way not in self.of:
            return "–"
        taken = [1000 * seconds for seconds in self.of[way]]
        processor = 1000 * self.processor[way] / len(taken)
        return f"{median(taken):.1f} ({quantiles(taken, n=20)[-1]:.1f}); {processor:.1f}"


def main(
    rounds: Annotated[int, typer.Option(help="Handshakes and C-ECHOs of each way.")] = 100,
    objects: Annotated[int, typer.Option(help="Objects stored by each way.")] = 16,
    megabytes: Annotated[int, typer.Option(help="Size of each.")] = 16,
) -> None:
    """Measure, and print a table."""
    with tempfile.TemporaryDirectory() as folder, _listener(Path(folder)) as reached:
        handshakes, echoes, stored = (Times(reached.listener) for _ in range(3))
        for _ in range(rounds):
            handshakes.take(_PLAIN, partial(_connect, reached.plain_port))
            for way in (_TLS12, _TLS13):
                handshakes.take(way, partial(_shake_hands, reached, way))
            for way in (_PLAIN, _TLS13):
                echoes.take(way, partial(_echo, reached, way))
        for _ in range(objects):
            for way in (_PLAIN, _TLS13):
                stored.take(way, partial(_store, reached, way, _image(megabytes)))
    rows = [
        {
            _WAY: way,
            _CONNECTION: handshakes.milliseconds(way),
            _ECHO: echoes.milliseconds(way),
            _STORE: stored.milliseconds(way),
        }
        for way in (_PLAIN, _TLS12, _TLS13)
    ]
    print_table([_WAY, _CONNECTION, _ECHO, _STORE], rows)


@contextmanager
def _listener(folder: Path) -> Iterator[Reached]:
    authority = TrialAuthority(folder / "certificates")
    authority.ensure()
    node, node_key = authority.certify("node", [_HOST], 2)
    caller, caller_key = authority.certify("caller", [], 2)
    url, ports = f"sqlite:///{folder / 'ledger.sqlite'}", _free_ports()
    upgrade_ledger(url)
    settings = {
        "DATA_DIR": folder,
        "DATABASE_URL": url,
        "BIND_ADDRESS": _HOST,
        "PORT": ports[0],
        "TLS_PORT": ports[1],
        "TLS_CERTIFICATE": node,
        "TLS_KEY": node_key,
        "TLS_AUTHORITIES": authority.certificate,
        "LOG_LEVEL": "error",
    }
    environment = os.environ | {f"OSTEON_{name}": str(one) for name, one in settings.items()}
    process = subprocess.Popen([sys.executable, "-m", "cli", "listen"], env=environment)
    files = TlsFiles(caller, caller_key, authority.certificate)
    reached = Reached(*ports, files, psutil.Process(process.pid))
    try:
        _wait_for(reached)
        yield reached
    finally:
        process.terminate()
        process.wait()


def _wait_for(reached: Reached) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while True:
        try:
            _echo(reached, _TLS13)
        except PeerTrouble:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return


def _free_ports() -> tuple[int, int]:
    """Of those that the system gives to no outgoing connection."""
    free = (port for port in range(20_000 + os.getpid() % 10_000, 32_000) if _is_free(port))
    return next(free), next(free)


def _is_free(port: int) -> bool:
    try:
        socket.create_server((_HOST, port)).close()
    except OSError:
        return False
    return True


def _connect(port: int) -> None:
    socket.create_connection((_HOST, port), _READY_SECONDS).close()


def _shake_hands(reached: Reached, way: str) -> None:
    context = client_context(reached.files)
    if way == _TLS12:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    with socket.create_connection((_HOST, reached.tls_port), _READY_SECONDS) as plain:
        context.wrap_socket(plain, server_hostname=_HOST).close()


def _echo(reached: Reached, way: str) -> None:
    verify_peer(reached.destination(way), calling_ae_title=_CALLER)


def _store(reached: Reached, way: str, image: Dataset) -> None:
    send_datasets(reached.destination(way), _CALLER, [image])


def _image(megabytes: int) -> Dataset:
    """Noise, so that nothing on the way can make it smaller."""
    rows, columns = 1024, 512 * megabytes
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.SOPClassUID, image.SOPInstanceUID = ComputedRadiographyImageStorage, generate_uid()
    image.StudyInstanceUID, image.SeriesInstanceUID = generate_uid(), generate_uid()
    image.Modality, image.PatientID, image.PatientName = "CR", "BENCHMARK", "PHANTOM"
    image.Rows, image.Columns, image.SamplesPerPixel = rows, columns, 1
    image.PhotometricInterpretation, image.PixelRepresentation = "MONOCHROME2", 0
    image.BitsAllocated, image.BitsStored, image.HighBit = 16, 16, 15
    noise = np.random.default_rng(0).integers(0, 1 << 16, rows * columns, dtype=np.uint16)
    image.PixelData = noise.tobytes()
    image["PixelData"].VR = "OW"
    return image


if __name__ == "__main__":
    typer.run(main)
