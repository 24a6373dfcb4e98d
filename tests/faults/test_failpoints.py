"""A part dies at each named point of its work, on both databases: nothing is lost or told twice."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest

import pytest
from pydicom.dataset import Dataset

from tests.faults.failpoints import (
    ANALYSING,
    BEFORE_THE_NETWORK,
    DELIVERING,
    OFFERING,
    POINTS,
    RECEIVING,
    REPORTING,
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
# Every part dies in the life of one study, each at its next point, until none has another.
ROUNDS = [
    [point for point in points if point is not None]
    for points in zip_longest(RECEIVING, OFFERING, ANALYSING, REPORTING, DELIVERING)
]


@pytest.fixture(scope="module", params=PROFILES)
def scene(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, nursery: Nursery
) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("failpoints")
    with servers_for(request.param) as servers, scene_in(folder, nursery, **servers) as scene:
        scene.node.become_mortal()
        yield scene


@pytest.mark.parametrize("points", ROUNDS, ids=lambda points: points[0].name)
def test_each_part_dies_while_a_study_is_dealt_with(
    scene: Scene, points: Sequence[Failpoint]
) -> None:
    at_the_door, *inside = points
    study = _study_for(points)
    for point in inside:
        scene.node.let_die(point)
    _die(scene, at_the_door, study)
    while inside:
        died = scene.node.await_death(*inside)
        inside.remove(died)
        scene.node.start(died.part)
        scene.node.let_leases_run_out()
    scene.settle()


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_each_dies_often_and_waits_as_long_as_a_hospital(scene: Scene) -> None:
    for repeat in range(REPEATS):
        for point in POINTS:
            name = f"{point.name} {repeat}"
            _die(scene, point, _study_for([point], name))
        scene.settle_by_itself(limit_seconds=300)


def test_the_list_of_points_is_documented() -> None:
    documented = (ROOT / "docs" / "faults.md").read_text()
    assert table() in documented, "python -m tests.faults.failpoints prints it anew"


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


def _study_for(points: Sequence[Failpoint], name: str = "") -> list[Dataset]:
    name = name or points[0].name
    reaches_the_network = any(one in ANALYSING and one not in BEFORE_THE_NETWORK for one in points)
    return broken_hand(name) if reaches_the_network else small_images(name, 1)
