"""Broker and database away or emptied: the door answers truly, and work goes on by itself."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import redis

from tests.end_to_end.node import Node, running_node
from tests.end_to_end.small_studies import small_study, study_uid
from tests.servers import PostgresServer, RedisServer, running_postgres, running_redis
from tests.waiting import wait_for
from tests.witness.client import Client
from tests.witness.sink import Sink
from tests.witness.witness import Witness

pytestmark = [pytest.mark.integration, pytest.mark.slow]
OUT_OF_RESOURCES = 0xA700
RECOVERY_SECONDS = 90


@dataclass(frozen=True)
class Hospital:
    """A node on PostgreSQL and Redis, and the servers themselves."""

    node: Node
    postgres: PostgresServer
    broker: RedisServer


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    folder = tmp_path_factory.mktemp("hospital")
    with running_postgres() as postgres, running_redis() as broker, Sink(folder / "sink") as sink:
        servers = {"database_url": postgres.create_database(), "broker_url": broker.url}
        with running_node(folder, destinations=sink.address, **servers) as node:
            yield Hospital(node, postgres, broker)


@pytest.fixture
def modality(hospital: Hospital, witness: Witness) -> Client:
    return witness.client(hospital.node.address)


def test_intake_needs_no_broker(hospital: Hospital, modality: Client) -> None:
    study = small_study("broker-away")
    hospital.broker.kill()
    try:
        assert modality.store(study) == [0x0000] * 3
    finally:
        hospital.broker.start()
    _await_delivery(hospital.node, study_uid(study))


def test_a_broker_that_forgets_all_costs_only_time(hospital: Hospital, modality: Client) -> None:
    node, study = hospital.node, small_study("broker-flushed")
    node.stop("analyst")
    assert modality.store(study) == [0x0000] * 3
    with redis.Redis.from_url(hospital.broker.url) as client:
        wait_for(lambda: client.llen("analyse"), "offers in Redis", RECOVERY_SECONDS)
        client.flushall()
    node.start("analyst")
    _await_delivery(node, study_uid(study))


def test_without_a_database_there_is_no_success(hospital: Hospital, modality: Client) -> None:
    node, study = hospital.node, small_study("ledger-away")
    hospital.postgres.kill()
    try:
        assert modality.store(study) == [OUT_OF_RESOURCES] * 3
        assert node.answers_echo()
    finally:
        hospital.postgres.start()
    assert modality.store(study) == [0x0000] * 3
    _await_delivery(node, study_uid(study))


def test_no_part_died_of_it(hospital: Hospital) -> None:
    assert all(hospital.node.is_alive(part) for part in hospital.node.processes)


def _await_delivery(node: Node, study: str) -> None:
    def delivered() -> bool:
        return [one["state"] for one in node.studies(study)] == ["delivered"]

    wait_for(delivered, "the delivery", RECOVERY_SECONDS)
