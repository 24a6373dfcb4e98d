"""An association as PS3.8 writes it, over a plain socket: no library between it and the node.

So a broken connection is told from a silence, and a sender costs little beside what it sends to.
"""

import socket
import struct
from collections.abc import Iterable, Sequence
from types import TracebackType

_APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"
_IMPLEMENTATION_CLASS = "2.25.89674183561235648317402651384"
_MAX_PDU_BYTES = 16384
_PDV_HEADER_BYTES = 6
_COMMAND, _LAST = 0x01, 0x02  # message control header, PS3.8 E.2
_ASSOCIATE_RQ, _ASSOCIATE_AC, _P_DATA, _RELEASE_RQ = 0x01, 0x02, 0x04, 0x05
_C_STORE_RQ, _MEDIUM, _HAS_DATA_SET = 0x0001, 0x0000, 0x0001


class AssociationBroken(Exception):
    """Refused, aborted or cut: what was sent last has no answer and gets none."""


class NoAnswer(Exception):
    """The connection stands, and nothing came in time."""


class Association:
    """Established once it is made, for (SOP class, transfer syntax) pairs; use it in a `with`."""

    def __init__(
        self,
        address: tuple[str, int],
        titles: tuple[str, str],
        contexts: Sequence[tuple[str, str]],
        limit_seconds: float,
    ) -> None:
        """`titles`: called, calling. AssociationBroken where it is not accepted."""
        self._contexts = {pair: 2 * number + 1 for number, pair in enumerate(contexts)}
        self._message_id = 0
        try:
            self._socket = socket.create_connection(address, limit_seconds)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket.sendall(_associate_rq(titles, self._contexts))
            kind, body = self._read_pdu()
        except OSError as error:
            raise AssociationBroken(str(error)) from error
        if kind != _ASSOCIATE_AC:
            self._socket.close()
            raise AssociationBroken(f"not accepted: a PDU of type {kind:#04x}")
        self._peer_pdu_bytes = _maximum_length(body) or _MAX_PDU_BYTES

    def __enter__(self) -> "Association":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._socket.sendall(_pdu(_RELEASE_RQ, bytes(4)))
                self._read_pdu()
        except (OSError, AssociationBroken, NoAnswer):
            return
        finally:
            self._socket.close()

    def store(self, sop_class: str, sop_instance: str, syntax: str, data_set: bytes) -> int:
        """C-STORE; the status answered. AssociationBroken or NoAnswer where there is none."""
        context = self._contexts[sop_class, syntax]
        self._message_id = self._message_id % 0xFFFF + 1
        command = _store_command(sop_class, sop_instance, self._message_id)
        try:
            for message, flag in ((command, _COMMAND), (data_set, 0)):
                for pdu in self._fragments(context, message, flag):
                    self._socket.sendall(pdu)
            return _status_in(self._read_command())
        except TimeoutError as error:
            raise NoAnswer from error
        except OSError as error:
            raise AssociationBroken(str(error)) from error

    def _fragments(self, context: int, message: bytes, flag: int) -> Iterable[bytes]:
        room = self._peer_pdu_bytes - _PDV_HEADER_BYTES
        for start in range(0, max(len(message), 1), room):
            piece = message[start : start + room]
            is_last = start + room >= len(message)
            header = struct.pack(">IBB", len(piece) + 2, context, flag | (_LAST if is_last else 0))
            yield _pdu(_P_DATA, header + piece)

    def _read_command(self) -> bytes:
        command = b""
        while True:
            kind, body = self._read_pdu()
            if kind != _P_DATA:
                raise AssociationBroken(f"a PDU of type {kind:#04x} in place of an answer")
            while body:
                length, _, flags = struct.unpack(">IBB", body[:_PDV_HEADER_BYTES])
                command += body[_PDV_HEADER_BYTES : 4 + length]
                body = body[4 + length :]
                if flags == _COMMAND | _LAST:
                    return command

    def _read_pdu(self) -> tuple[int, bytes]:
        kind, _, length = struct.unpack(">BBI", self._read(6))
        return kind, self._read(length)

    def _read(self, count: int) -> bytes:
        parts = bytearray()
        while len(parts) < count:
            part = self._socket.recv(count - len(parts))
            if not part:
                raise AssociationBroken("the connection was closed")
            parts += part
        return bytes(parts)


def _associate_rq(titles: tuple[str, str], contexts: dict[tuple[str, str], int]) -> bytes:
    called, calling = (title.encode().ljust(16) for title in titles)
    proposed = b"".join(
        _item(0x20, bytes([number, 0, 0, 0]) + _uid_item(0x30, sop_class) + _uid_item(0x40, syntax))
        for (sop_class, syntax), number in contexts.items()
    )
    user = _item(0x51, struct.pack(">I", _MAX_PDU_BYTES)) + _uid_item(0x52, _IMPLEMENTATION_CLASS)
    items = _uid_item(0x10, _APPLICATION_CONTEXT) + proposed + _item(0x50, user)
    return _pdu(_ASSOCIATE_RQ, struct.pack(">HH", 1, 0) + called + calling + bytes(32) + items)


def _maximum_length(body: bytes) -> int:
    """Of an A-ASSOCIATE-AC: the longest PDU that the peer takes, 0 for any."""
    at = body.find(b"\x51\x00\x00\x04", 68)
    return int.from_bytes(body[at + 4 : at + 8], "big") if at >= 0 else 0


def _pdu(kind: int, body: bytes) -> bytes:
    return struct.pack(">BBI", kind, 0, len(body)) + body


def _item(kind: int, body: bytes) -> bytes:
    return struct.pack(">BBH", kind, 0, len(body)) + body


def _uid_item(kind: int, uid: str) -> bytes:
    return _item(kind, uid.encode())


def _store_command(sop_class: str, sop_instance: str, message_id: int) -> bytes:
    """C-STORE-RQ in Implicit VR Little Endian, PS3.7 9.3.1."""
    elements = b"".join(
        _element(number, value)
        for number, value in (
            (0x0002, _padded(sop_class)),
            (0x0100, struct.pack("<H", _C_STORE_RQ)),
            (0x0110, struct.pack("<H", message_id)),
            (0x0700, struct.pack("<H", _MEDIUM)),
            (0x0800, struct.pack("<H", _HAS_DATA_SET)),
            (0x1000, _padded(sop_instance)),
        )
    )
    return _element(0x0000, struct.pack("<I", len(elements))) + elements


def _element(number: int, value: bytes) -> bytes:
    return struct.pack("<HHI", 0x0000, number, len(value)) + value


def _padded(uid: str) -> bytes:
    encoded = uid.encode()
    return encoded + b"\0" * (len(encoded) % 2)


def _status_in(command: bytes) -> int:
    at = 0
    while at < len(command):
        _, number, length = struct.unpack_from("<HHI", command, at)
        if number == 0x0900:
            return int.from_bytes(command[at + 8 : at + 10], "little")
        at += 8 + length
    raise AssociationBroken("an answer without a status")
