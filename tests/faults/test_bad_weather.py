"""Database, broker and PACS away, slow, silent, flushed or full: no false success, nothing lost."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis
from sqlalchemy import make_url

from tests.faults.nursery import Nursery
from tests.faults.proxy import Proxy, Weather
from tests.faults.scene import Scene, scene_in, small_images
from tests.servers import running_postgres, running_redis
from tests.waiting import wait_for
from tests.witness.sink import SR_CLASSES, Sink

pytestmark = [
    pytest.mark.integration,
    pytest.mark.slow,
    pytest.mark.requirement("R-KEEP-3", "R-WORK-5", "R-SEND-3"),
]
OUT_OF_RESOURCES = 0xA700
FAILED_ATTEMPT_SECONDS = 60
# Of each server alone; all of them are away for a minute, and in the soak each for ten.
OUTAGE_SECONDS = 3
LONG_OUTAGE_SECONDS = 60
SILENCE_SECONDS = 60
SLOWLY_SENT_SECONDS = 180
OUTAGE_SECONDS_IN_SOAK = 600
REPORTS_PER_SECOND = 10
CLEAR = Weather()
SLOW = Weather(delay_seconds=0.03)
THROTTLED = Weather(bytes_per_second=1024)
CUT = Weather(cut_answer_after_bytes=600)


@dataclass(frozen=True)
class Network:
    """A hospital's node whose every line to others goes through a proxy."""

    scene: Scene
    database: Proxy
    broker: Proxy
    pacs: Proxy
    broker_url: str


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> Iterator[Network]:
    folder = tmp_path_factory.mktemp("weather")
    with (
        running_postgres() as postgres,
        running_redis() as broker,
        # It takes reports alone: a picture of megabytes does not pass a line of 1 KB/s in time.
        Sink(folder / "pacs", sop_classes=SR_CLASSES) as sink,
        Proxy(postgres.port) as to_database,
        Proxy(broker.port) as to_broker,
        Proxy(sink.port) as to_pacs,
    ):
        database_url = make_url(postgres.create_database()).set(port=to_database.port)
        with scene_in(
            folder,
            nursery,
            destinations=f"SINK@127.0.0.1:{to_pacs.port}",
            database_url=database_url.render_as_string(hide_password=False),
            broker_url=broker.url.replace(str(broker.port), str(to_broker.port)),
        ) as scene:
            scene.witness.__dict__["sink"] = sink
            yield Network(scene, to_database, to_broker, to_pacs, broker.url)


@pytest.fixture(autouse=True)
def _clear_sky(network: Network) -> Iterator[None]:
    yield
    for proxy in (network.database, network.broker, network.pacs):
        proxy.weather = Weather()


def test_without_a_database_there_is_no_success(network: Network) -> None:
    scene, images = network.scene, small_images("database away", 2)
    network.database.go_away()
    assert scene.client.store(images) == [OUT_OF_RESOURCES] * 2
    assert scene.node.answers_echo()
    network.database.come()
    scene.client.insist(images, limit_seconds=FAILED_ATTEMPT_SECONDS)
    scene.settle()


def test_a_database_that_falls_silent_is_as_one_that_is_away(network: Network) -> None:
    """It takes the question and does not answer: the modality is told so before it gives up."""
    scene, images = network.scene, small_images("database silent", 2)
    network.database.weather = Weather(is_silent=True)
    began = time.monotonic()
    assert scene.client.store(images) == [OUT_OF_RESOURCES] * 2
    assert time.monotonic() - began < SILENCE_SECONDS
    assert scene.node.answers_echo()
    network.database.weather = CLEAR
    network.database.go_away()
    network.database.come()
    scene.client.insist(images, limit_seconds=FAILED_ATTEMPT_SECONDS)
    scene.settle()


def test_a_database_that_cuts_its_answers_promises_nothing(network: Network) -> None:
    scene, images = network.scene, small_images("database cut", 3)
    network.database.go_away()
    network.database.weather = Weather(cut_answer_after_bytes=1500)
    network.database.come()
    statuses = scene.client.store(images)
    assert set(statuses) <= {0x0000, OUT_OF_RESOURCES}
    network.database.weather = CLEAR
    scene.client.insist(images, limit_seconds=FAILED_ATTEMPT_SECONDS)
    scene.settle()


def test_a_slow_database_only_takes_time(network: Network) -> None:
    network.database.weather = SLOW
    assert network.scene.client.store(small_images("database slow", 2)) == [0x0000] * 2
    network.database.weather = CLEAR
    network.scene.settle()


def _away(network: Network) -> None:
    network.broker.go_away()
    time.sleep(OUTAGE_SECONDS)
    network.broker.come()


def _silent(network: Network) -> None:
    network.broker.weather = Weather(is_silent=True)
    time.sleep(OUTAGE_SECONDS)
    network.broker.weather = CLEAR


def _flushed(network: Network) -> None:
    with redis.Redis.from_url(network.broker_url) as client:
        client.flushall()


def _full(network: Network) -> None:
    with redis.Redis.from_url(network.broker_url) as client:
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", "1")
        time.sleep(OUTAGE_SECONDS)
        client.config_set("maxmemory", "0")


def _refusing(network: Network) -> None:
    """Its password was changed, and then changed back."""
    with redis.Redis.from_url(network.broker_url) as client:
        password = client.connection_pool.connection_kwargs["password"]
        client.config_set("requirepass", "another")
        client.client_kill_filter(_type="normal", skipme=True)
        time.sleep(OUTAGE_SECONDS)
        client.config_set("requirepass", password)


@pytest.mark.parametrize("fault", [_away, _silent, _flushed, _full, _refusing])
def test_intake_needs_no_broker_and_work_goes_on_after_it(
    network: Network, fault: Callable[[Network], None]
) -> None:
    scene = network.scene
    assert scene.client.store(small_images(f"broker {fault.__name__}", 1)) == [0x0000]
    fault(network)
    assert scene.client.store(small_images(f"broker {fault.__name__} later", 1)) == [0x0000]
    scene.settle()
    assert all(scene.node.is_alive(part) for part in scene.node.processes)


@pytest.mark.parametrize(
    "weather", [THROTTLED, CUT, Weather(is_silent=True)], ids=["1 KB/s", "cut", "silent"]
)
def test_a_pacs_behind_a_bad_line_gets_each_result_once(network: Network, weather: Weather) -> None:
    scene = network.scene
    network.pacs.weather = weather
    assert scene.client.store(small_images(f"pacs {weather}", 1)) == [0x0000]
    if weather is THROTTLED:
        scene.settle_by_itself(SLOWLY_SENT_SECONDS)
        return
    time.sleep(OUTAGE_SECONDS)
    network.pacs.weather = CLEAR
    network.pacs.go_away()
    network.pacs.come()
    scene.settle()


def test_a_pacs_that_was_away_gets_each_result_once(network: Network) -> None:
    scene, study = network.scene, small_images("pacs away", 1)
    network.pacs.go_away()
    assert scene.client.store(study) == [0x0000]
    _await_trouble(scene, "refused")
    network.pacs.come()
    scene.settle()
    assert len(scene.witness.sink.reports(str(study[0].StudyInstanceUID))) == 1


@pytest.mark.parametrize("answer", [0xA700, 0xA701])
def test_a_pacs_without_room_is_asked_again(network: Network, answer: int) -> None:
    scene, pacs = network.scene, network.scene.witness.sink
    pacs.answer(answer)
    assert scene.client.store(small_images(f"pacs {answer}", 1)) == [0x0000]
    _await_trouble(scene, f"0x{answer:04X}")
    pacs.answer(0x0000)
    scene.settle()


def test_what_a_pacs_kept_without_an_answer_is_sent_again_byte_for_byte(network: Network) -> None:
    scene, study = network.scene, small_images("pacs drops", 1)
    scene.witness.sink.drop_answers(2)
    assert scene.client.store(study) == [0x0000]
    scene.settle()
    arrivals = scene.witness.sink.reports(str(study[0].StudyInstanceUID))
    assert [one.status for one in arrivals] == [None, None, 0x0000]
    assert len({(one.sop_instance_uid, one.sha256) for one in arrivals}) == 1


def test_what_a_pacs_refuses_is_for_a_person_to_see(network: Network) -> None:
    scene, study = network.scene, small_images("pacs refuses", 1)
    scene.witness.sink.answer(0xC000)
    assert scene.client.store(study) == [0x0000]
    _await_trouble(scene, "0xC000")
    scene.witness.sink.answer(0x0000)
    assert not scene.witness.sink.reports(str(study[0].StudyInstanceUID))


def test_all_of_them_away_for_a_minute(network: Network) -> None:
    scene, images = network.scene, small_images("all away", 2)
    scene.client.insist(small_images("before all were away", 2), limit_seconds=60)
    lines = (network.database, network.broker, network.pacs)
    for line in lines:
        line.go_away()
    over_at = time.monotonic() + LONG_OUTAGE_SECONDS
    while time.monotonic() < over_at:
        assert scene.client.store(images) == [OUT_OF_RESOURCES] * 2
        assert scene.node.answers_echo()
        time.sleep(5)
    for line in lines:
        line.come()
    scene.client.insist(images, limit_seconds=FAILED_ATTEMPT_SECONDS)
    scene.settle()
    assert scene.node.ended() == []


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_outages_as_long_as_the_design_says(network: Network, tmp_path: Path) -> None:
    for proxy in (network.database, network.broker, network.pacs):
        network.scene.client.insist(small_images(f"before {proxy.port}", 5), limit_seconds=60)
        proxy.go_away()
        time.sleep(OUTAGE_SECONDS_IN_SOAK)
        proxy.come()
        network.scene.client.insist(small_images(f"after {proxy.port}", 5), limit_seconds=60)
        network.scene.settle_by_itself(limit_seconds=420)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_after_four_hours_a_pacs_is_caught_up_with(network: Network) -> None:
    """The hours are let pass; what waited is delivered at ten reports a second or faster."""
    scene, count = network.scene, 300
    network.pacs.go_away()
    for number in range(count):
        assert scene.client.store(small_images(f"piled up {number}", 1)) == [0x0000]
    wait_for(lambda: scene.node.study_states().count("reported") >= count, "reports", 600)
    for _ in range(10):
        scene.node.let_time_pass()
        time.sleep(1)
    before = len(scene.witness.sink.reports())
    network.pacs.come()
    scene.node.let_time_pass()
    began = time.monotonic()
    wait_for(lambda: len(scene.witness.sink.reports()) >= before + count, "the reports", 300)
    per_second = count / (time.monotonic() - began)
    print(f"{per_second:.1f} reports a second")
    scene.settle()
    assert per_second >= REPORTS_PER_SECOND


def _await_trouble(scene: Scene, word: str) -> None:
    def is_told() -> bool:
        scene.node.let_time_pass()
        return any(word in (study["reason"] or "") for study in scene.node.studies())

    wait_for(is_told, f"{word} to be told", FAILED_ATTEMPT_SECONDS)
