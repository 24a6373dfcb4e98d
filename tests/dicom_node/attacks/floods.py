"""Peers that work against the protocol with all their speed; each goes on until told to stop."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

from tests.dicom_node.attacks import wire

Flood = Callable[[wire.Target, threading.Event], None]
_PATIENCE_SECONDS = 5
_NOTHING = wire.fragment(1, wire.COMMAND, b"")
_LITTLE = wire.fragment(1, wire.COMMAND, b"\0")
# A C-FIND-RQ that says that an identifier follows: there it goes on for ever.
_FIND = wire.command((0x0002, wire.uid(wire.VERIFICATION)), (0x0100, wire.number(0x0020)))


def associate(target: wire.Target, *sop_classes: bytes, calling: str = "ATTACKER") -> socket.socket:
    """A connection with an association. Raises OSError where it is not accepted."""
    connection = target.connect(timeout_seconds=_PATIENCE_SECONDS)
    try:
        wanted = sop_classes or (wire.VERIFICATION,)
        connection.sendall(wire.associate_request(target.called, calling, wanted))
        if wire.read_pdu(connection)[0] != wire.ASSOCIATE_AC:
            raise ConnectionRefusedError("not accepted")
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def idle_associations(target: wire.Target, size: int) -> Iterator[int]:
    """Associations on which nothing happens, as many of `size` as are accepted; how many."""
    with ExitStack() as stack:
        accepted = 0
        for _ in range(size):
            with suppress(OSError):
                stack.enter_context(associate(target))
                accepted += 1
        yield accepted


def connecting(target: wire.Target, stop: threading.Event) -> None:
    """Connections that are closed at once."""
    while not stop.is_set():
        with suppress(OSError):
            target.connect().close()


def requesting(target: wire.Target, stop: threading.Event) -> None:
    """Association requests whose answer nobody waits for."""
    request = wire.associate_request(target.called)
    while not stop.is_set():
        with suppress(OSError), target.connect() as connection:
            connection.sendall(request)


def associating(target: wire.Target, stop: threading.Event) -> None:
    """Associations that are closed as soon as they are accepted, eight at a time."""

    def associate_again() -> None:
        while not stop.is_set():
            with suppress(OSError):
                associate(target).close()

    threads = [threading.Thread(target=associate_again) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _sending(piece: bytes, *sop_classes: bytes) -> Flood:
    """On an association, without reading any answer, and over again when it is ended."""

    def flood(target: wire.Target, stop: threading.Event) -> None:
        while not stop.is_set():
            with suppress(OSError), associate(target, *sop_classes) as connection:
                connection.settimeout(0.5)
                while not stop.is_set():
                    with suppress(TimeoutError):
                        connection.sendall(piece)
            stop.wait(0.05)

    return flood


echoing = _sending(wire.echo_request() * 100)
sending_empty_fragments = _sending(wire.pdu(wire.P_DATA, _NOTHING) * 1000)
sending_small_fragments = _sending(wire.pdu(wire.P_DATA, _LITTLE) * 1000)
sending_empty_pdus = _sending(wire.pdu(wire.P_DATA, b"") * 1000)
querying_without_end = _sending(
    wire.pdu(wire.P_DATA, wire.fragment(1, wire.COMMAND | wire.LAST, _FIND))
    + wire.pdu(wire.P_DATA, wire.fragment(1, wire.DATA, bytes(16000))) * 64
)
sending_too_long_pdus = _sending(struct.pack(">BBL", wire.P_DATA, 0, 0xFFFFFFF0) + bytes(65536))


FLOODS: dict[str, Flood] = {
    "connections closed at once": connecting,
    "requests closed at once": requesting,
    "associations closed at once": associating,
    "echoes whose answers nobody reads": echoing,
    "commands of empty fragments": sending_empty_fragments,
    "a command a byte at a time": sending_small_fragments,
    "P-DATA without a value": sending_empty_pdus,
    "an identifier without end": querying_without_end,
    "P-DATA of 4 GiB": sending_too_long_pdus,
}
