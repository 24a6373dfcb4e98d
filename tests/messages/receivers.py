"""Receivers of MLLP: python-hl7's, hl7apy's, and one that says whatever bytes it is told."""

import asyncio
import queue
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from hl7.mllp import start_hl7_server
from hl7apy.core import Message
from hl7apy.mllp import AbstractHandler, MLLPServer
from hl7apy.parser import parse_message

from messages.mllp import MllpDestination

_LARGEST_BYTES = 4 * 1024 * 1024
Received = queue.Queue[str]


def destination_at(port: int, **changes: Any) -> MllpDestination:
    return MllpDestination("127.0.0.1", port, **changes)


@contextmanager
def python_hl7_receiver(
    ack_code: str = "AA", tls: ssl.SSLContext | None = None
) -> Iterator[tuple[MllpDestination, Received]]:
    """python-hl7's asyncio server, which acknowledges each message with the code."""
    received: Received = queue.Queue()

    async def converse(reader: Any, writer: Any) -> None:
        message = await reader.readmessage()
        received.put(str(message))
        writer.writemessage(message.create_ack(ack_code))
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    port: Future[int] = Future()
    leaving = threading.Event()
    thread = threading.Thread(
        target=asyncio.run, args=(_serve(converse, tls, port, leaving),), daemon=True
    )
    thread.start()
    try:
        yield destination_at(port.result(10)), received
    finally:
        leaving.set()
        thread.join(10)


async def _serve(
    converse: Any, tls: ssl.SSLContext | None, port: Future[int], leaving: threading.Event
) -> None:
    server = await start_hl7_server(
        converse, "127.0.0.1", 0, limit=_LARGEST_BYTES, encoding="utf-8", ssl=tls
    )
    async with server:
        port.set_result(server.sockets[0].getsockname()[1])
        while not leaving.is_set():
            await asyncio.sleep(0.005)


class _Acknowledging(AbstractHandler):  # type: ignore[misc]
    """Parses what comes as ORU^R01, and refuses what it cannot."""

    def __init__(self, message: str, received: Received, error: str) -> None:
        super().__init__(message)
        self._received, self._error = received, error

    def reply(self) -> str:
        incoming = parse_message(self.incoming_message)
        incoming.validate()
        self._received.put(self.incoming_message)
        ack = Message("ACK", version="2.5.1")
        ack.msh.msh_9 = "ACK^R01^ACK"
        ack.msh.msh_10, ack.msh.msh_11 = "REPLY-1", "P"
        ack.msa.msa_1 = "AE" if self._error else "AA"
        ack.msa.msa_2 = incoming.msh.msh_10.value
        if self._error:
            ack.err.err_3 = f"{self._error}^Müller Jürgen^HL70357"
            ack.err.err_4 = "E"
        return str(ack.to_mllp())


@contextmanager
def hl7apy_receiver(error: str = "") -> Iterator[tuple[MllpDestination, Received]]:
    """hl7apy's threading server; with an error of table 0357 it answers AE with that."""
    received: Received = queue.Queue()
    handlers = {"ORU^R01^ORU_R01": (_Acknowledging, received, error)}
    server = MLLPServer("127.0.0.1", 0, handlers)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield destination_at(server.server_address[1]), received
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


Answering = Callable[[socket.socket], None]


@contextmanager
def scripted_receiver(answer: Answering) -> Iterator[int]:
    """A port whose one connection is read to the end of the block, then answered so."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listening.accept()
        with connection:
            heard = b""
            while not heard.endswith(b"\x1c\r"):
                heard += connection.recv(65536)
            with suppress(OSError):  # once the client has heard enough
                answer(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.close()
        thread.join(10)


def serving_context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def acknowledgement(*segments: str) -> bytes:
    header = "MSH|^~\\&|RIS|HOSPITAL|OSTEON||20260304||ACK^R01^ACK|R1|P|2.5.1"
    return "\r".join([header, *segments, ""]).encode()


def block(content: bytes) -> bytes:
    return b"\x0b" + content + b"\x1c\r"
