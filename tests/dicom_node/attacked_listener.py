"""A listener in a process of its own, to be attacked and measured from outside.

`python -m tests.dicom_node.attacked_listener LEDGER_URL FOLDER MAX_ASSOCIATIONS`: prints its ports
and stops when its standard input is closed. With a folder `tls` in it, it listens by TLS as well.
"""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from db.session import open_ledger
from dicom_node.listener import Listener, ListenerConfig
from dicom_node.policy import AssociationPolicy
from dicom_node.spool import FileSpool
from dicom_node.tls import TlsFiles, client_context
from dicom_node.tls_server import TlsPort
from logs import configure_logs
from tests.dicom_node.attacks.measuring import Taken, warm_up
from tests.dicom_node.attacks.wire import Target
from tests.dicom_node.tls.hospital_pki import Authority


@dataclass
class AttackedListener:
    """The ports of the process, and what it takes beyond what it took when it was warm."""

    plain: Target
    tls: Target
    taken: Taken
    folder: Path
    ledger_url: str

    @property
    def log_lines(self) -> list[str]:
        return (self.folder / "log").read_text().splitlines()

    def incoming_files(self) -> list[Path]:
        return list((self.folder / "spool" / "incoming").iterdir())


@contextlib.contextmanager
def attacked_listener(
    ledger_url: str, folder: Path, max_associations: int = 50
) -> Iterator[AttackedListener]:
    hospital = Authority(folder / "tls")
    hospital.certify("node")
    command = [sys.executable, "-m", __name__, ledger_url, str(folder), str(max_associations)]
    with (folder / "log").open("w") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=output, text=True
        )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        ports = next(line.split()[1:] for line in process.stdout if line.startswith("ports "))
        plain, tls = (Target("127.0.0.1", int(port)) for port in ports)
        tls = replace(tls, tls=client_context(_files(folder)))
        warm_up(plain)
        yield AttackedListener(plain, tls, Taken(process.pid), folder, ledger_url)
    finally:
        process.stdin.close()
        process.wait(timeout=30)
        process.stdout.close()


def _files(folder: Path) -> TlsFiles:
    pem = folder / "tls"
    return TlsFiles(pem / "node.pem", pem / "node.key", pem / "ca.pem")


def main(ledger_url: str, folder: Path, max_associations: int) -> None:
    configure_logs("info", "listener")
    # Attacks and honest callers come from one machine here: all of the places may be its own.
    policy = AssociationPolicy(
        "OSTEON",
        max_associations=max_associations,
        max_associations_per_address=max_associations if max_associations > 50 else None,
    )
    config = ListenerConfig(policy, name="attacked", port=0, tls=TlsPort(_files(folder), 0))
    listener = Listener(config, open_ledger(ledger_url), FileSpool(folder / "spool"))
    listener.start()
    print("ports", listener.port, listener.tls_port, flush=True)
    sys.stdin.read()
    listener.stop(drain_seconds=1)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
