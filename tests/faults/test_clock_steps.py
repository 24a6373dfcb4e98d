"""The wall clock steps by an hour or a day, of one part or of all: no wait and no lease suffers."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from tests.end_to_end.node import PARTS
from tests.faults.nursery import Nursery
from tests.faults.scene import Scene, broken_hand, scene_in, small_images
from tests.faults.servers_of_a_node import servers_for
from tests.waiting import wait_for

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.requirement("R-WORK-5")]
HOUR, DAY = 3600, 86400
STEPS = [HOUR, -HOUR, DAY, -DAY]
# Far less than the steps are: what waits for the clock of before waits in vain.
PROMPT_SECONDS = 60


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> Iterator[Scene]:
    """Its database has a clock of its own, which stays."""
    folder = tmp_path_factory.mktemp("clocks")
    with servers_for("postgresql") as servers, scene_in(folder, nursery, **servers) as scene:
        yield scene
        scene.shim.step_clock(0)


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> Iterator[Scene]:
    """SQLite's clock is that of the processes."""
    with scene_in(tmp_path_factory.mktemp("clock"), nursery, lease_seconds=30) as scene:
        yield scene
        scene.shim.step_clock(0)


@pytest.mark.parametrize("seconds", STEPS)
def test_all_parts_may_be_wrong_about_the_time(hospital: Scene, seconds: int) -> None:
    _be_wrong(hospital, seconds, *PARTS)


@pytest.mark.soak
@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("seconds", STEPS)
def test_each_part_may_be_wrong_about_the_time(hospital: Scene, part: str, seconds: int) -> None:
    _be_wrong(hospital, seconds, part)


def _be_wrong(hospital: Scene, seconds: int, *parts: str) -> None:
    processes = hospital.node.processes
    _keep_a_study(hospital, f"before {parts} {seconds}")
    hospital.shim.step_clock(seconds, *(processes[part].pid for part in parts))
    _keep_a_study(hospital, f"after {parts} {seconds}")
    hospital.shim.step_clock(0)
    _assert_nothing_was_done_twice(hospital)


@pytest.mark.parametrize("seconds", STEPS)
def test_what_waits_when_all_clocks_step_does_not_wait_for_that(
    embedded: Scene, seconds: int
) -> None:
    node, study = embedded.node, small_images(f"waits {seconds}", 1)
    node.kill("reporter")
    assert embedded.client.store(study) == [0x0000]
    wait_for(lambda: _open_jobs(embedded, "report"), "the job", PROMPT_SECONDS)
    embedded.shim.step_clock(seconds)
    node.start("reporter")
    _keep_a_study(embedded, f"after {seconds}")
    embedded.settle_by_itself(PROMPT_SECONDS)
    embedded.shim.step_clock(0)
    _keep_a_study(embedded, f"back from {seconds}")
    _assert_nothing_was_done_twice(embedded)


def test_nobody_loses_a_lease_because_the_clock_was_set_forward(embedded: Scene) -> None:
    """The analyst is at work for some seconds: it loads its network."""
    node = embedded.node
    node.kill("analyst")
    node.start("analyst")
    assert embedded.client.store(broken_hand("lease")) == [0x0000]
    wait_for(lambda: _open_jobs(embedded, "analyse", "running"), "its claim", PROMPT_SECONDS)
    embedded.shim.step_clock(DAY)
    embedded.settle_by_itself(PROMPT_SECONDS)
    embedded.shim.step_clock(0)
    _assert_nothing_was_done_twice(embedded)


def test_a_beat_that_starts_after_the_clock_was_set_back_cuts_the_waits(embedded: Scene) -> None:
    node, study = embedded.node, small_images("beat away", 1)
    node.kill("beat")
    assert embedded.client.store(study) == [0x0000]
    embedded.shim.step_clock(-DAY)
    node.start("beat")

    def is_near() -> bool:
        question = "SELECT count(*) FROM job WHERE state = 'waiting' AND next_attempt_at > :bound"
        bound = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-1 day', '+2 hours')"
        with node.ledger.connect() as connection:
            return connection.execute(text(question.replace(":bound", bound))).scalar_one() == 0

    wait_for(is_near, "shorter waits", PROMPT_SECONDS)
    embedded.shim.step_clock(0)
    embedded.settle()


def _keep_a_study(scene: Scene, name: str) -> None:
    assert scene.client.store(small_images(name, 1)) == [0x0000]
    scene.settle_by_itself(PROMPT_SECONDS)


def _open_jobs(scene: Scene, kind: str, state: str = "waiting") -> bool:
    question = "SELECT count(*) FROM job WHERE kind = :kind AND state = :state"
    with scene.node.ledger.connect() as connection:
        found = connection.execute(text(question), {"kind": kind, "state": state})
        return int(found.scalar_one()) > 0


def _assert_nothing_was_done_twice(scene: Scene) -> None:
    with scene.node.ledger.connect() as connection:
        attempts = connection.execute(text("SELECT max(attempt) FROM job")).scalar_one()
        sendings = connection.execute(text("SELECT max(sendings) FROM delivery")).scalar_one()
    assert (attempts, sendings) == (1, 1)
