"""A node is backed up under load, its disk is lost, and the witness looks at what comes back."""

from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread

import pytest
from sqlalchemy import func, select

from db.backup.encryption import new_identity
from db.session import reading
from db.tables import Report
from tests.end_to_end.node import Node
from tests.faults.forked_node import ForkedNode, forked_node
from tests.faults.nursery import Nursery
from tests.servers import PostgresServer
from tests.waiting import wait_for
from tests.witness.client import Client
from tests.witness.studies import study_uid, witness_studies, witness_study
from tests.witness.witness import Witness

pytestmark = [
    pytest.mark.integration,
    pytest.mark.slow,
    pytest.mark.timeout(420),
    pytest.mark.requirement("R-DATA-5"),
]
LIMIT_SECONDS = 180
PAUSE_SECONDS = 0.3  # so that there is a load, and not only that


def test_a_node_that_lost_its_disk_goes_on(tmp_path: Path, nursery: Nursery) -> None:
    """What was delivered is not sent anew, what was to be sent is sent byte for byte."""
    with Witness(tmp_path / "witness") as witness:
        sink = witness.sink
        settings = {"destinations": sink.address}
        delivered, waiting = witness_study("delivered"), witness_study("waiting")
        with forked_node(tmp_path / "lost", nursery, **settings) as lost:
            client = witness.client(lost.address)
            client.insist(delivered, limit_seconds=LIMIT_SECONDS)
            witness.wait_until_settled(lost.ledger_url, limit_seconds=LIMIT_SECONDS)
            sink.answer(0xA700)  # no room now: try again
            client.insist(waiting, limit_seconds=LIMIT_SECONDS)
            wait_for(lambda: _reports_made(lost) == 2, "a report that waits", LIMIT_SECONDS)
            lost.stop("analyst")  # a report made from here on would be another one than we make
            with _Load(client):
                wait_for(lambda: len(lost.studies()) > 4, "studies", LIMIT_SECONDS)
                backup, moment = _backup(lost)
            sink.answer(0x0000)
            uid = study_uid(waiting)
            wait_for(lambda: sink.reports(uid), "what waited to come", LIMIT_SECONDS)
        restored = ForkedNode(tmp_path / "new", settings, port=lost.port, nursery=nursery)
        _restore(restored, backup)
        place = restored.spool.root, restored.ledger_url
        assert witness.check_restored(*place, moment=moment) == []
        restored.start("reporter", "courier", "beat")
        try:
            wait_for(lambda: len(sink.reports(uid)) == 2, "what waited to come", LIMIT_SECONDS)
        finally:
            restored.close()
        assert len(sink.reports(study_uid(delivered))) == 1
        assert len({one.sha256 for one in sink.reports(uid)}) == 1
        assert witness.check_restored(*place, moment=moment) == []


@pytest.mark.soak
def test_a_ledger_in_postgresql_comes_back(
    tmp_path: Path, postgres_server: PostgresServer, nursery: Nursery
) -> None:
    with Witness(tmp_path / "witness") as witness:
        url = postgres_server.create_database()
        with forked_node(tmp_path / "lost", nursery, "listener", database_url=url) as lost:
            client = witness.client(lost.address)
            with _Load(client):
                wait_for(lambda: len(lost.studies()) > 5, "studies", LIMIT_SECONDS)
                backup, moment = _backup(lost)
        restored = Node(tmp_path / "new", {"database_url": postgres_server.create_database()})
        _restore(restored, backup)
        found = witness.check_restored(restored.spool.root, restored.ledger_url, moment=moment)
        assert found == []
        assert len(restored.studies()) > 5
        restored.close()


class _Load:
    """Studies that keep coming while the block lasts."""

    def __init__(self, client: Client) -> None:
        self._over = Event()
        self._thread = Thread(target=self._send, args=[client])

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._thread.join()

    def _send(self, client: Client) -> None:
        for study in witness_studies("load", 1000, images=2):
            client.store(study)
            if self._over.wait(PAUSE_SECONDS):
                return


def _backup(node: Node) -> tuple[Path, datetime]:
    key, backup = node.folder / "key", node.folder / "backup.age"
    secret, recipient = new_identity()
    key.write_text(secret)
    moment = datetime.now(UTC)
    assert node.ask(["backup", "--out", str(backup), "--recipient", recipient]) == 0
    return backup, moment


def _restore(node: Node, backup: Path) -> None:
    key = backup.parent / "key"
    asked = ["restore", str(backup), "--identity", str(key), "--into", str(node.data_dir)]
    assert node.ask(asked) == 0, node.log("commands")


def _reports_made(node: Node) -> int:
    with reading(node.ledger) as session:
        return session.scalar(select(func.count()).select_from(Report)) or 0
