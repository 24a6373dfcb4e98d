"""kill -9 of any component under load, on either pair of servers: nothing lost, nothing twice."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.node import PARTS, Node
from tests.faults.forked_node import forked_node
from tests.faults.nursery import Nursery
from tests.servers import PostgresServer, RedisServer, running_postgres, running_redis
from tests.witness.campaign import (
    Blow,
    Campaign,
    Load,
    kill_decode_child,
    kill_part,
    seeded,
)
from tests.witness.witness import Witness

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(400)]
# Together 50 kills and 1,500 instances.
LOAD = Load(studies=30, images=25, kills=25)
# A part that loads much is killed less often, so that the others get their share of the time.
WEIGHTS = {"listener": 5, "analyst": 2, "courier": 4, "beat": 3, "web": 1, "decode child": 4}
SERVER_WEIGHTS = {"PostgreSQL": 3, "Redis": 3}
SETTLED_SECONDS = 120


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with Nursery() as nursery:
        yield nursery


@pytest.fixture
def witness(tmp_path: Path) -> Iterator[Witness]:
    with Witness(tmp_path / "witness") as witness:
        yield witness


def test_on_sqlite_and_files(tmp_path: Path, witness: Witness, nursery: Nursery) -> None:
    with forked_node(tmp_path, nursery, destinations=witness.sink.address) as node:
        _torment(node, witness, {})


def test_on_postgresql_and_redis(tmp_path: Path, witness: Witness, nursery: Nursery) -> None:
    with running_postgres() as postgres, running_redis() as broker:
        servers = {"database_url": postgres.create_database(), "broker_url": broker.url}
        with forked_node(tmp_path, nursery, destinations=witness.sink.address, **servers) as node:
            _torment(node, witness, kill_servers(postgres, broker))


def kill_servers(postgres: PostgresServer, broker: RedisServer) -> dict[str, Blow]:
    def kill_postgres() -> bool:
        postgres.kill_outright()
        postgres.start()
        return True

    def kill_redis() -> bool:
        broker.kill()
        broker.start()
        return True

    return {"PostgreSQL": kill_postgres, "Redis": kill_redis}


def _torment(node: Node, witness: Witness, servers: dict[str, Blow]) -> None:
    node.start("web")
    witness.watch(node.ledger_url)
    parts = {part: kill_part(node, part) for part in (*PARTS, "web")}
    campaign = Campaign(
        node,
        witness,
        blows={**parts, **servers, "decode child": kill_decode_child(node)},
        weights={**WEIGHTS, **(SERVER_WEIGHTS if servers else {})},
        chance=seeded(),
    )
    campaign.run(LOAD)
    assert node.ended() == []
    settled_seconds = witness.wait_until_settled(node.ledger_url, limit_seconds=SETTLED_SECONDS)
    print(f"{campaign.seconds:.1f} s, settled {settled_seconds:.1f} s after, {campaign.kills}")
    node.stop_all()
    node.spool.sweep(older_than_seconds=-1)
    violations = witness.check(node.spool.root, node.ledger_url)
    print(witness.report())
    assert violations == []
    assert len(witness.acknowledged()) == LOAD.instances
