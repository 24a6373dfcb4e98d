"""The Nth system call on the node's disk fails: refused or put off, never half done, never lost."""

import errno
from collections.abc import Iterator
from itertools import islice

import pytest
from sqlalchemy import text

from tests.faults.nursery import Nursery
from tests.faults.scene import Scene, broken_hand, scene_in, small_images
from tests.faults.shim import Calls
from tests.waiting import wait_for

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.requirement("R-KEEP-3")]
OUT_OF_RESOURCES = 0xA700
DUE_SECONDS = 60
# What each error may be the answer of. With too many open files only opening fails.
CALLS = {
    errno.ENOSPC: Calls.ALL,
    errno.EIO: Calls.ALL,
    errno.EROFS: Calls.OPEN | Calls.WRITE | Calls.RENAME,
    errno.EMFILE: Calls.OPEN,
}
ERRORS = list(CALLS)


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> Iterator[Scene]:
    """A listener alone."""
    with scene_in(tmp_path_factory.mktemp("door"), nursery, "listener") as scene:
        yield scene


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> Iterator[Scene]:
    """Without a database server: spool and ledger are files, and each of their calls can fail."""
    with scene_in(tmp_path_factory.mktemp("calls"), nursery) as scene:
        yield scene


@pytest.mark.parametrize("error", ERRORS, ids=errno.errorcode.get)
def test_each_of_the_listeners_first_calls_fails(door: Scene, error: int) -> None:
    """The first fifty; there are some fifteen for an instance, three of them open something."""
    _fail_in_the_listener(door, error, range(1, 11 if error == errno.EMFILE else 51))


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("error", ERRORS, ids=errno.errorcode.get)
def test_each_of_the_listeners_calls_fails(door: Scene, error: int) -> None:
    _fail_in_the_listener(door, error, range(1, 501))


@pytest.mark.parametrize("number", range(1, 8))
def test_a_picture_that_cannot_be_kept_puts_its_analysis_off(scene: Scene, number: int) -> None:
    _fail_in_a_worker(scene, "analyst", number)


@pytest.mark.parametrize("number", range(1, 8))
def test_a_report_that_cannot_be_kept_is_put_off(scene: Scene, number: int) -> None:
    _fail_in_a_worker(scene, "reporter", number)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", ["analyst", "reporter", "courier"])
def test_each_call_of_a_worker_fails(scene: Scene, part: str) -> None:
    number = 1
    while _fail_in_a_worker(scene, part, number):
        number += 1
    assert number > 10


def test_a_disk_that_stays_faulty_stops_nothing_for_good(scene: Scene) -> None:
    listener = scene.node.processes["listener"].pid
    images = small_images("faulty for long", 3)
    scene.shim.fail(listener, errno.EIO, scene.node.data_dir, Calls.ALL)
    assert set(scene.client.store(images)) <= {OUT_OF_RESOURCES, None}
    assert scene.node.answers_echo()
    scene.shim.stop_failing()
    assert scene.client.store(images) == [0x0000] * 3
    scene.settle()
    assert all(scene.node.is_alive(part) for part in scene.node.processes)


def _fail_in_the_listener(door: Scene, error: int, numbers: range) -> None:
    """A failed call refuses one instance at most: that which it was of, if of any."""
    listener = door.node.processes["listener"].pid
    images = iter(small_images(f"{errno.errorcode[error]} {numbers.stop}", 6 * len(numbers)))
    for number in numbers:
        door.shim.fail(listener, error, door.node.data_dir, CALLS[error], number)
        statuses: list[int | None] = []
        while not door.shim.hits:
            statuses += door.client.store(islice(images, 1 + number // 15))
        door.shim.stop_failing()
        refused = [status for status in statuses if status != 0x0000]
        assert refused in ([], [OUT_OF_RESOURCES]), f"call {number}"
    assert door.node.answers_echo()
    door.check_what_always_holds()
    assert door.client.store(islice(images, 1)) == [0x0000]


def _fail_in_a_worker(scene: Scene, part: str, number: int) -> bool:
    """Whether there was such a call; its job is done in the end, and was charged no attempt."""
    name = f"{part} {number}"
    error = ERRORS[number % 2]
    spool = scene.node.data_dir / "spool"
    scene.shim.fail(scene.node.processes[part].pid, error, spool, Calls.ALL, number)
    study = broken_hand(name) if part == "analyst" else small_images(name, 1)
    assert scene.client.store(study) == [0x0000]
    wait_for(lambda: scene.shim.hits or _is_all_done(scene), "the call or the end", DUE_SECONDS)
    failed = scene.shim.hits > 0
    scene.settle()
    scene.shim.stop_failing()
    assert _most_attempts(scene) == 1
    return failed


def _is_all_done(scene: Scene) -> bool:
    return set(scene.node.study_states()) <= {"delivered"}


def _most_attempts(scene: Scene) -> int:
    with scene.node.ledger.connect() as connection:
        return int(connection.execute(text("SELECT max(attempt) FROM job")).scalar_one())
