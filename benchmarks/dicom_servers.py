"""DICOM servers to compare with, each as it is out of the box, in a process of its own."""

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from db.upgrade import upgrade_ledger
from dicom_node.tls import TlsFiles, client_context
from tests.dicom_node.attacked_listener import attacked_listener
from tests.dicom_node.attacks.honest import Unanswered, echo
from tests.dicom_node.attacks.measuring import Taken, warm_up
from tests.dicom_node.attacks.wire import Target
from tests.dicom_node.tls.hospital_pki import Authority
from tests.servers import free_port

_START_SECONDS = 30


@dataclass
class Running:
    """A server that answers, and what it takes."""

    target: Target
    taken: Taken


Server = Callable[[Path, bool], AbstractContextManager[Running]]


@contextmanager
def osteon(folder: Path, by_tls: bool) -> Iterator[Running]:
    url = f"sqlite:///{folder / 'ledger.sqlite'}"
    upgrade_ledger(url)
    with attacked_listener(url, folder) as listener:
        yield Running(listener.tls if by_tls else listener.plain, listener.taken)


@contextmanager
def orthanc(folder: Path, by_tls: bool) -> Iterator[Running]:
    files, port = _files(folder), free_port()
    configuration: dict[str, object] = {
        "StorageDirectory": str(folder / "storage"),
        "DicomPort": port,
        "HttpPort": free_port(),
    }
    if by_tls:
        configuration |= {
            "DicomTlsEnabled": True,
            "DicomTlsCertificate": str(files.certificate),
            "DicomTlsPrivateKey": str(files.key),
            "DicomTlsTrustedCertificates": str(files.authorities),
        }
    (folder / "orthanc.json").write_text(json.dumps(configuration))
    with _running([_found("Orthanc"), str(folder / "orthanc.json")], folder, port, by_tls) as it:
        yield it


@contextmanager
def storescp(folder: Path, by_tls: bool, *options: str) -> Iterator[Running]:
    files, port = _files(folder), free_port()
    tls = ["+tls", str(files.key), str(files.certificate), "+cf", str(files.authorities)]
    received = folder / "received"
    received.mkdir()
    command = [_found("storescp"), *options, *(tls if by_tls else []), "-od", str(received)]
    with _running([*command, str(port)], folder, port, by_tls) as it:
        yield it


def forking_storescp(folder: Path, by_tls: bool) -> AbstractContextManager[Running]:
    return storescp(folder, by_tls, "--fork")


@contextmanager
def pynetdicom(folder: Path, by_tls: bool) -> Iterator[Running]:
    files, port = _files(folder), free_port()
    tls = [str(path) for path in files.all] if by_tls else []
    command = [sys.executable, "-m", "benchmarks.stock_pynetdicom", str(port), *tls]
    with _running(command, folder, port, by_tls) as it:
        yield it


SERVERS: dict[str, Server] = {
    "Osteon": osteon,
    "Orthanc": orthanc,
    "storescp": storescp,
    "storescp --fork": forking_storescp,
    "pynetdicom": pynetdicom,
}


def versions() -> dict[str, str]:
    dcmtk = _first_version(subprocess.check_output([_found("storescp"), "--version"], text=True))
    return {
        "Osteon": version("osteon"),
        "Orthanc": _first_version(
            subprocess.check_output([_found("Orthanc"), "--version"], text=True)
        ),
        "storescp (DCMTK)": dcmtk,
        "pynetdicom": version("pynetdicom"),
    }


def _first_version(said: str) -> str:
    return re.findall(r"\d+\.\d+\.\d+", said)[0]


def _found(program: str) -> str:
    path = shutil.which(program, path="/usr/sbin:/usr/bin:/usr/local/bin")
    if path is None:
        raise SystemExit(f"{program} is missing: run tests/install-services")
    return path


def _files(folder: Path) -> TlsFiles:
    hospital = Authority(folder / "tls")
    return hospital.files(hospital.certify("node"))


@contextmanager
def _running(command: list[str], folder: Path, port: int, by_tls: bool) -> Iterator[Running]:
    tls = client_context(_files(folder)) if by_tls else None
    target = Target("127.0.0.1", port, "ANY-SCP", tls)
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _until_answered(target)
        warm_up(target)
        yield Running(target, Taken(process.pid))
    finally:
        process.kill()
        process.wait()


def _until_answered(target: Target) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            echo(target, "127.0.0.1")
        except Unanswered:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return
