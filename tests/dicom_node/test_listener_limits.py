"""What an association may have waiting, and what it may not send."""

import socket
import sqlite3
import time
from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.dicom_node.attacks import wire
from tests.dicom_node.attacks.leaving import message
from tests.dicom_node.listening import Node, eventually, running_node
from tests.dicom_node.sent_objects import encoded, radiograph

pytestmark = pytest.mark.requirement("R-KEEP-5", "R-DOOR-1")
ECHOES = 100
MOST_WAITING = 9


def test_who_sends_more_than_is_dealt_with_has_it_wait_at_home(
    sqlite_ledger_url: str, tmp_path: Path
) -> None:
    dataset = radiograph()
    store = message(dataset.SOPInstanceUID, encoded(dataset, "1.2.840.10008.1.2"))
    echo = wire.pdu(wire.P_DATA, wire.fragment(3, wire.COMMAND | wire.LAST, wire.echo_command()))
    with (
        running_node(sqlite_ledger_url, tmp_path) as node,
        wire.Target("127.0.0.1", node.port).connect() as client,
    ):
        classes = [wire.COMPUTED_RADIOGRAPHY, wire.VERIFICATION]
        client.sendall(wire.associate_request(sop_classes=classes))
        wire.read_pdu(client)
        with sqlite3.connect(str(make_url(sqlite_ledger_url).database)) as lock:
            lock.execute("BEGIN IMMEDIATE")  # so that the C-STORE is not done with
            client.sendall(b"".join(store) + echo * ECHOES)
            waiting = [_messages_waiting(node) for _ in range(20)]
            lock.rollback()
        assert max(waiting) <= MOST_WAITING
        answers = [wire.read_pdu(client)[0] for _ in range(1 + ECHOES)]
        assert answers == [wire.P_DATA] * (1 + ECHOES)
        client.sendall(wire.RELEASE)


def test_a_fragment_of_nothing_ends_its_association(sqlite_ledger_url: str, tmp_path: Path) -> None:
    with (
        running_node(sqlite_ledger_url, tmp_path) as node,
        wire.Target("127.0.0.1", node.port).connect() as client,
    ):
        client.sendall(wire.associate_request())
        wire.read_pdu(client)
        client.sendall(wire.pdu(wire.P_DATA, wire.fragment(1, wire.COMMAND, b"")))
        assert _is_ended(client)
        assert eventually(lambda: node.live_associations == 0)


def _messages_waiting(node: Node) -> int:
    time.sleep(0.05)
    [association] = node.listener._servers[0].live_associations
    return int(association.dimse.msg_queue.qsize())


def _is_ended(client: socket.socket) -> bool:
    try:
        return wire.read_pdu(client)[0] == wire.ABORT
    except ConnectionError:
        return True
