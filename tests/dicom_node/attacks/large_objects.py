"""Objects of any size, sent without being held: the header of a radiograph, and zeros after it."""

import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from tests.dicom_node.attacks import wire
from tests.dicom_node.sent_objects import encoded, radiograph

_IMPLICIT = "1.2.840.10008.1.2"
# As much as a PDU of the size that the node announces holds, less the headers of its one value.
_PIECE_BYTES = 131072 - 6
_LONGEST_VALUE = 0xFFFFFFFE
_STATUS = 0x0900


@dataclass(frozen=True)
class LargeObject:
    """A computed radiograph whose pixels are so many zeros."""

    sop_instance_uid: str
    pixel_bytes: int

    def pieces(self) -> Iterator[bytes]:
        """Its data set in Implicit VR Little Endian, a piece at a time."""
        smallest = radiograph(rows=1, columns=1, SOPInstanceUID=self.sop_instance_uid)
        like = encoded(smallest, _IMPLICIT)
        # The value's length stands before the two bytes of the one pixel (PS3.5 7.1.3), and can say
        # no more than 4 GiB.
        yield like[:-6] + struct.pack("<L", min(self.pixel_bytes, _LONGEST_VALUE))
        zeros = bytes(_PIECE_BYTES)
        for _ in range(self.pixel_bytes // _PIECE_BYTES):
            yield zeros
        yield bytes(self.pixel_bytes % _PIECE_BYTES)


def store_large(target: wire.Target, large: LargeObject) -> int | None:
    """Send it; the status, or None where the association ended without one."""
    with target.connect() as connection:
        connection.settimeout(120)
        request = wire.associate_request(target.called, "LARGE", [wire.COMPUTED_RADIOGRAPHY])
        connection.sendall(request)
        assert wire.read_pdu(connection)[0] == wire.ASSOCIATE_AC
        try:
            _send(connection, large)
            _, body = wire.read_pdu(connection)
        except OSError:
            return None
        return _status_in(body)


def _send(connection: socket.socket, large: LargeObject) -> None:
    command = wire.store_command(wire.uid(large.sop_instance_uid.encode()))
    _send_value(connection, wire.COMMAND | wire.LAST, command)
    pieces = large.pieces()
    piece = next(pieces)
    for following in pieces:
        _send_value(connection, wire.DATA, piece)
        piece = following
    _send_value(connection, wire.DATA | wire.LAST, piece)


def _send_value(connection: socket.socket, control: int, value: bytes) -> None:
    connection.sendall(wire.pdu(wire.P_DATA, wire.fragment(1, control, value)))


def _status_in(body: bytes) -> int:
    """The element (0000,0900) of a response's command set."""
    mark = struct.pack("<HHL", 0, _STATUS, 2)
    at = body.index(mark) + len(mark)
    return int.from_bytes(body[at : at + 2], "little")
