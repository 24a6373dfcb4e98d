"""Receivers of syslog over TLS (RFC 5425): a whole one of our own, rsyslog, and faulty ones."""

import contextlib
import re
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from messages.audit_syslog import AuditRepository
from tests.servers import free_port
from tests.services import require_program
from tests.waiting import wait_for

_HEADER = re.compile(
    rb"<(\d{1,3})>1 (\S+) (\S+) osteon - DICOM\+RFC3881 "
    rb'\[meta sequenceId="(\d+)"\] \xef\xbb\xbf(.*)',
    re.DOTALL,
)


@dataclass
class Receiver:
    """What came, frame by frame; `cut_after` octets of a connection it hangs up, once."""

    certificate: Path
    port: int = 0
    frames: list[bytes] = field(default_factory=list)
    cut_after: int | None = None
    answers_close_notify: bool = True
    delay_seconds: float = 0.0
    connections: int = 0

    def repository(self, **changes: object) -> AuditRepository:
        values: dict[str, object] = {"authorities": self.certificate, "timeout_seconds": 5.0}
        return AuditRepository("127.0.0.1", self.port, **(values | changes))  # type: ignore[arg-type]

    @property
    def sequences(self) -> list[int]:
        return [int(self.fields(frame)[3]) for frame in self.frames]

    @property
    def messages(self) -> list[bytes]:
        return [self.fields(frame)[4] for frame in self.frames]

    @staticmethod
    def fields(frame: bytes) -> tuple[bytes, ...]:
        found = _HEADER.fullmatch(frame)
        assert found is not None, frame[:200]
        return found.groups()


@contextlib.contextmanager
def syslog_receiver(
    certificate: tuple[Path, Path], client_authorities: Path | None = None
) -> Iterator[Receiver]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    if client_authorities is not None:
        context.load_verify_locations(client_authorities)
        context.verify_mode = ssl.CERT_REQUIRED
    receiver = Receiver(certificate[0])
    with _listening(lambda plain: _take(receiver, context, plain)) as receiver.port:
        yield receiver


@contextlib.contextmanager
def _listening(take: Callable[[socket.socket], None]) -> Iterator[int]:
    stopping = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)

        def accept() -> None:
            while not stopping.is_set():
                with contextlib.suppress(OSError):
                    plain, _ = server.accept()
                    with contextlib.suppress(OSError), plain:
                        plain.settimeout(10)
                        take(plain)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            stopping.set()
            thread.join(5)


def _take(receiver: Receiver, context: ssl.SSLContext, plain: socket.socket) -> None:
    receiver.connections += 1
    time.sleep(receiver.delay_seconds)
    with context.wrap_socket(plain, server_side=True, suppress_ragged_eofs=False) as connection:
        received, octets = bytearray(), 0
        while chunk := connection.recv(4096):
            received += chunk
            octets += len(chunk)
            if receiver.cut_after is not None and octets >= receiver.cut_after:
                receiver.cut_after = None
                connection.shutdown(socket.SHUT_RDWR)
                return
            _frames(receiver, received)
        assert not received, "the last frame is not whole"
        if receiver.answers_close_notify:
            connection.unwrap()


def _frames(receiver: Receiver, received: bytearray) -> None:
    """Move what is whole out of what was received (RFC 5425 4.3)."""
    while b" " in received[:8]:
        length, _, rest = received.partition(b" ")
        if len(rest) < int(length):
            return
        receiver.frames.append(bytes(rest[: int(length)]))
        del received[: len(length) + 1 + int(length)]


@contextlib.contextmanager
def silent_receiver() -> Iterator[int]:
    """Takes connections and says nothing."""
    held: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]
    for one in held:
        one.close()


@contextlib.contextmanager
def rsyslog(
    certificate: tuple[Path, Path], folder: Path, driver: str
) -> Iterator[tuple[int, Path]]:
    """A real rsyslogd with this TLS driver: its port, and the file it writes each message to."""
    program = require_program("rsyslogd", "rsyslog rsyslog-gnutls rsyslog-openssl")
    port, written = free_port(), folder / "received.log"
    tls = f'defaultNetstreamDriverCAFile="{certificate[0]}"'
    tls += f' defaultNetstreamDriverCertFile="{certificate[0]}"'
    tls += f' defaultNetstreamDriverKeyFile="{certificate[1]}"'
    (folder / "rsyslog.conf").write_text(
        f'global(workDirectory="{folder}" maxMessageSize="64k" {tls}\n'
        f' defaultNetstreamDriver="{driver}")\n'
        f'module(load="imtcp" StreamDriver.Name="{driver}" StreamDriver.Mode="1"\n'
        ' StreamDriver.AuthMode="anon")\n'
        f'input(type="imtcp" port="{port}" address="127.0.0.1")\n'
        'template(name="raw" type="string" string="%rawmsg%\\n")\n'
        f'*.* action(type="omfile" file="{written}" template="raw")\n'
    )
    command = [program, "-n", "-f", str(folder / "rsyslog.conf"), "-i", str(folder / "pid")]
    with (folder / "rsyslog.out").open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        wait_for(lambda: _answers(port), "rsyslogd to listen", 20)
        yield port, written
    finally:
        process.terminate()
        process.wait(20)


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False
