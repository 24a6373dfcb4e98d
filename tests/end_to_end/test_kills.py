"""Parts of a node, its broker and its database killed under load: nothing acknowledged is lost."""

import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis
from pydicom.dataset import Dataset

from tests.end_to_end.invariants import (
    assert_each_image_ended,
    assert_files_match_rows,
    assert_nothing_acknowledged_is_lost,
    assert_one_report_per_revision,
    assert_reports_are_of_their_study,
)
from tests.end_to_end.modality import Diary, Modality
from tests.end_to_end.node import Node, running_node, supervised_node
from tests.end_to_end.pacs_sink import PacsSink
from tests.end_to_end.small_studies import small_studies
from tests.servers import running_postgres, running_redis

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(420)]
CLIENTS = 4
PARTS = ("listener", "listener", "analyst", "courier", "beat")
# A study that waits longer for the next step than leases and offers last is stuck.
PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Load:
    """How much is sent, and how often something is killed meanwhile."""

    studies: int
    kills: int
    kill_every_seconds: float


def test_parts_are_killed(tmp_path: Path, sink: PacsSink, diary: Diary) -> None:
    with running_node(tmp_path, destinations=sink.address) as node:
        chance = _seeded()
        load = Load(studies=30, kills=8, kill_every_seconds=2)
        _torment(node, diary, load, [lambda: _kill_part(node, chance)] * load.kills)
        assert node.ended() == []
        _assert_all_is_well(node, sink, diary, load)


def test_servers_are_killed_too(tmp_path: Path, sink: PacsSink, diary: Diary) -> None:
    with (
        running_postgres() as postgres,
        running_redis() as broker,
        supervised_node(
            tmp_path,
            destinations=sink.address,
            database_url=postgres.create_database(),
            broker_url=broker.url,
        ) as node,
    ):

        def restart_postgres() -> None:
            postgres.kill()
            postgres.start()

        def restart_redis() -> None:
            broker.kill()
            broker.start()

        def flush() -> None:
            with redis.Redis.from_url(broker.url) as client:
                client.flushall()

        def kill_part() -> None:
            node.kill_supervised(chance.choice(PARTS))

        chance = _seeded()
        load = Load(studies=20, kills=6, kill_every_seconds=2)
        ways = [restart_postgres, restart_redis, flush, kill_part]
        _torment(node, diary, load, chance.sample(ways * 2, load.kills))
        _assert_all_is_well(node, sink, diary, load)


def _seeded() -> random.Random:
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"random seed {seed}")
    return random.Random(seed)


def _kill_part(node: Node, chance: random.Random) -> None:
    part = chance.choice(PARTS)
    print(f"kill -9 {part}")
    node.kill(part)
    node.start(part)


def _torment(node: Node, diary: Diary, load: Load, blows: Sequence[Callable[[], None]]) -> None:
    """Sends the load from some clients, spread over the time that the kills take."""
    studies = list(small_studies("load", load.studies))
    pause_seconds = load.kills * load.kill_every_seconds / (load.studies / CLIENTS)
    with ThreadPoolExecutor(CLIENTS) as clients:
        sending = [
            clients.submit(_send, node, diary, studies[number::CLIENTS], pause_seconds)
            for number in range(CLIENTS)
        ]
        for blow in blows:
            time.sleep(load.kill_every_seconds)
            blow()
        for client in sending:
            client.result()


def _send(node: Node, diary: Diary, studies: list[list[Dataset]], pause_seconds: float) -> None:
    modality = Modality(node.address, diary)
    for study in studies:
        modality.insist(study, limit_seconds=2 * PATIENCE_SECONDS)
        time.sleep(pause_seconds)


def _assert_all_is_well(node: Node, sink: PacsSink, diary: Diary, load: Load) -> None:
    began = time.monotonic()
    acknowledged = diary.acknowledged()
    assert len(acknowledged) == 3 * load.studies
    assert_nothing_acknowledged_is_lost(node, acknowledged)
    node.wait_for_studies("delivered", load.studies, PATIENCE_SECONDS)
    print(f"all delivered {time.monotonic() - began:.1f} s after the last kill")
    node.stop_all()
    assert node.survivors() == []
    assert_files_match_rows(node)
    assert_each_image_ended(node)
    assert_one_report_per_revision(node, sink)
    assert_reports_are_of_their_study(node, sink)
