"""From the previous release to this one and back, under load: nothing lost, nothing twice.

The way there: the schema first, while the previous release's parts go on; then part by part.
The way back: part by part; the schema stays (docs/decisions/0023-the-schema-stays.md).
"""

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from db.upgrade import newest_revision
from tests.end_to_end.node import PARTS, ROOT, Node
from tests.faults.forked_node import ForkedNode
from tests.faults.nursery import Nursery
from tests.servers import running_postgres, running_redis
from tests.upgrade.previous_release import NETWORK, migrate_as_before
from tests.waiting import wait_for
from tests.witness.client import Client
from tests.witness.ledger import open_for_witness
from tests.witness.studies import witness_study
from tests.witness.witness import Witness

pytestmark = [
    pytest.mark.integration,
    pytest.mark.slow,
    pytest.mark.timeout(400),
    pytest.mark.requirement("R-NODE-1"),
]
PATIENCE_SECONDS = 120
# A migration that meets a lock gives up after ten seconds, and says so: the operator repeats it.
ATTEMPTS = 5
PREVIOUS = "0006"
_PAUSE_SECONDS = 1.5


# On each change the way of a hospital; the other is soaked.
@pytest.fixture(params=["postgresql", pytest.param("sqlite", marks=pytest.mark.soak)])
def old_node(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    old_source: Path,
    witness: Witness,
    nursery: Nursery,
) -> Iterator[Node]:
    """A node of the previous release in its own schema, all parts running."""
    settings = {"destinations": witness.sink.address, "model_dir": NETWORK, "source": old_source}
    if request.param == "postgresql":
        with running_postgres() as postgres, running_redis() as broker:
            servers = {"database_url": postgres.create_database(), "broker_url": broker.url}
            with _running(tmp_path, nursery, **settings, **servers) as node:
                yield node
    else:
        with _running(tmp_path, nursery, **settings) as node:
            yield node


def test_to_this_release(old_node: Node, witness: Witness) -> None:
    with _load(witness.client(old_node.address)):
        _upgrade(old_node)
        _await_deliveries(old_node, 2)  # by the parts of before, on the new schema
        _replace_parts(old_node, ROOT)
        _await_deliveries(old_node, 2)
    _assert_all_is_well(old_node, witness)


@pytest.mark.soak
def test_and_back_again(old_node: Node, old_source: Path, witness: Witness) -> None:
    with _load(witness.client(old_node.address)):
        _upgrade(old_node)
        _replace_parts(old_node, ROOT)
        _await_deliveries(old_node, 2)
        # 0.4.0 knows no schema but its own; a later release takes what is newer.
        _call_schema(old_node, PREVIOUS)
        _replace_parts(old_node, old_source)
        assert old_node.ask(["db", "upgrade"]) == 0
        _await_deliveries(old_node, 2)
        _call_schema(old_node, newest_revision())
        _upgrade(old_node)
        _replace_parts(old_node, ROOT)
    _assert_all_is_well(old_node, witness)


class _Load:
    """Studies one after the other, until nobody wants more."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._enough = threading.Event()
        self.thread = threading.Thread(target=self._send)
        self.trouble: BaseException | None = None

    def _send(self) -> None:
        for number in itertools.count():
            if self._enough.wait(_PAUSE_SECONDS):
                return
            try:
                study = witness_study(f"upgrade-{number}")
                self._client.insist(study, limit_seconds=PATIENCE_SECONDS)
            except BaseException as error:
                self.trouble = error
                raise

    def end(self) -> None:
        self._enough.set()
        self.thread.join()
        assert self.trouble is None


@contextmanager
def _load(client: Client) -> Iterator[None]:
    load = _Load(client)
    load.thread.start()
    try:
        yield
    finally:
        load.end()


def _await_deliveries(node: Node, more: int) -> None:
    wanted = _delivered(node) + more
    wait_for(lambda: _delivered(node) >= wanted, f"{wanted} studies sent", PATIENCE_SECONDS)


def _delivered(node: Node) -> int:
    """How many studies have a report that a destination took."""
    question = (
        "SELECT count(DISTINCT r.study_id) FROM delivery d"
        " JOIN consignment c ON c.id = d.consignment_id JOIN report r ON r.id = c.report_id"
        " WHERE d.state IN ('sent', 'committed')"
    )
    with open_for_witness(node.ledger_url) as ledger:
        return int(ledger.values(question)[0])


@contextmanager
def _running(folder: Path, nursery: Nursery, *, source: Path, **settings: object) -> Iterator[Node]:
    """What is started of this release later are forks: those cost less than a new Python."""
    node = ForkedNode(folder, settings, source, nursery=nursery)
    try:
        node.data_dir.mkdir(parents=True)
        migrate_as_before(source, node.ledger_url)
        node.start(*PARTS)
        node.wait_until_listening()
        yield node
    finally:
        node.close()


def _upgrade(node: Node) -> None:
    node.source, before = ROOT, node.source
    assert 0 in (node.ask(["db", "upgrade"]) for _ in range(ATTEMPTS)), node.log("commands")
    node.source = before
    with open_for_witness(node.ledger_url) as ledger:
        assert ledger.values("SELECT version_num FROM alembic_version") == [newest_revision()]


def _call_schema(node: Node, revision: str) -> None:
    with open_for_witness(node.ledger_url) as ledger:
        ledger.run(f"UPDATE alembic_version SET version_num = '{revision}'")


def _replace_parts(node: Node, source: Path) -> None:
    node.source = source
    for part in PARTS:
        assert node.stop(part) == 0
        node.start(part)


def _assert_all_is_well(node: Node, witness: Witness) -> None:
    witness.wait_until_settled(node.ledger_url, limit_seconds=PATIENCE_SECONDS)
    assert node.ended() == []
    node.stop_all()
    node.spool.sweep(older_than_seconds=-1)
    assert witness.check(node.spool.root, node.ledger_url) == []
    print(witness.report())
