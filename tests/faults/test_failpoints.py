"""A part dies at each named point of its work, on both databases: nothing is lost or told twice."""

from collections.abc import Iterator

import pytest
from pydicom.dataset import Dataset

from tests.faults.failpoints import (
    ANALYSING,
    BEFORE_THE_NETWORK,
    POINTS,
    RECEIVING,
    Failpoint,
    table,
)
from tests.faults.nursery import ROOT, Nursery
from tests.faults.scene import SETTLED_SECONDS, Scene, broken_hand, scene_in, small_images
from tests.faults.servers_of_a_node import PROFILES, servers_for

pytestmark = [
    pytest.mark.integration,
    pytest.mark.slow,
    pytest.mark.requirement("R-KEEP-2", "R-SEND-1"),
]
REPEATS = 20


@pytest.fixture(scope="module", params=PROFILES)
def scene(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, nursery: Nursery
) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("failpoints")
    with servers_for(request.param) as servers, scene_in(folder, nursery, **servers) as scene:
        scene.node.become_mortal()
        yield scene


@pytest.mark.parametrize("point", RECEIVING, ids=lambda point: point.name)
def test_the_listener_dies(scene: Scene, point: Failpoint) -> None:
    _die_and_recover(scene, point, small_images(point.name, 1))


@pytest.mark.parametrize(
    "point", [one for one in POINTS if one not in RECEIVING], ids=lambda point: point.name
)
def test_a_worker_dies(scene: Scene, point: Failpoint) -> None:
    _die_and_recover(scene, point, _study_for(point))


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_each_dies_often_and_waits_as_long_as_a_hospital(scene: Scene) -> None:
    for repeat in range(REPEATS):
        for point in POINTS:
            name = f"{point.name} {repeat}"
            _die(scene, point, broken_hand(name) if point in ANALYSING else small_images(name, 1))
        scene.settle_by_itself(limit_seconds=300)


def test_the_list_of_points_is_documented() -> None:
    documented = (ROOT / "docs" / "faults.md").read_text()
    assert table() in documented, "python -m tests.faults.failpoints prints it anew"


def _die_and_recover(scene: Scene, point: Failpoint, study: list[Dataset]) -> None:
    _die(scene, point, study)
    scene.node.let_leases_run_out()
    scene.settle()


def _die(scene: Scene, point: Failpoint, study: list[Dataset]) -> None:
    node = scene.node
    node.let_die(point)
    if point in RECEIVING:
        scene.client.store(study)
    else:
        scene.client.insist(study, limit_seconds=SETTLED_SECONDS)
    node.await_death(point)
    node.start(point.part)
    if point in RECEIVING:
        node.wait_until_listening()
        scene.client.insist(study, limit_seconds=SETTLED_SECONDS)


def _study_for(point: Failpoint) -> list[Dataset]:
    if point in ANALYSING and point not in BEFORE_THE_NETWORK:
        return broken_hand(point.name)
    return small_images(point.name, 1)
