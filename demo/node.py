"""The node that the demonstration starts: `osteon up`, as a user would, with its log in a file."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path

_STOP_SECONDS = 30
USUAL_PORT = 11112
USUAL_WEB_PORT = 8042


@dataclass(frozen=True)
class DemoNode:
    """A running node and where it can be reached."""

    ae_title: str
    port: int
    web_port: int
    data_dir: Path
    process: "subprocess.Popen[bytes]"

    @property
    def log(self) -> Path:
        return self.data_dir / "node.log"

    @property
    def ledger_url(self) -> str:
        return f"sqlite:///{self.data_dir.absolute() / 'ledger.sqlite'}"

    @property
    def address(self) -> str:
        return f"{self.ae_title}@127.0.0.1:{self.port}"

    @property
    def page(self) -> str:
        return f"http://127.0.0.1:{self.web_port}/"

    def shows_page(self) -> bool:
        """Whether the pages answer, and see the ledger."""
        page = HTTPConnection("127.0.0.1", self.web_port, timeout=10)
        try:
            page.request("GET", "/healthz")
            return page.getresponse().status == HTTPStatus.OK
        except OSError:
            return False
        finally:
            page.close()


@contextmanager
def running_node(data_dir: Path, destination: str) -> Iterator[DemoNode]:
    """`osteon up` in `data_dir`, on the usual ports where these are free; ended at the end."""
    data_dir.mkdir(parents=True, exist_ok=True)
    port, web_port = free_port(USUAL_PORT), free_port(USUAL_WEB_PORT)
    command = [sys.executable, "-m", "cli", "up", "--data-dir", str(data_dir)]
    command += ["--port", str(port), "--web-port", str(web_port), "--destination", destination]
    with (data_dir / "node.log").open("wb") as log:
        process = subprocess.Popen(command, stderr=log, stdout=log, start_new_session=True)
    try:
        yield DemoNode("OSTEON", port, web_port, data_dir, process)
    finally:
        process.terminate()
        process.wait(_STOP_SECONDS)


def free_port(usual: int) -> int:
    """The usual port, or any other where that is taken."""
    for port in (usual, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no port is free")
