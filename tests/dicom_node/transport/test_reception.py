"""The thread that accepts connections outlives what its callers do."""

import socket
import struct
import threading
from contextlib import closing

from dicom_node.refusals import RefusalLog
from dicom_node.transport.caller import Caller
from dicom_node.transport.reception import Reception
from dicom_node.transport.waiting_list import WaitingLimits, WaitingList
from tests.waiting import wait_for


def request(length: int) -> bytes:
    return struct.pack(">BBL", 1, 0, length) + bytes(length)


def test_who_has_to_leave_with_a_whole_request_ends_nothing_but_itself() -> None:
    received: list[Caller] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        place = listening.getsockname()
        reception = Reception(
            listening, received.append, RefusalLog(), request_seconds=20, first_byte_suffices=False
        )
        reception.waiting = WaitingList(WaitingLimits(at_most=8, at_most_bytes=1000))
        accepting = threading.Thread(target=reception.run)
        accepting.start()
        try:
            with socket.create_connection(place, 20) as greedy:
                greedy.sendall(request(2000))
                assert greedy.recv(1) == b""
            with socket.create_connection(place, 20) as modest:
                modest.sendall(request(100))
                wait_for(lambda: received, "the one that asks for little", 20)
        finally:
            reception.stop()
            accepting.join(20)
    [caller] = received
    with closing(caller.connection):
        assert bytes(caller.received) == request(100)
