"""A part dies at each named point of its work, on both databases: nothing is lost or told twice."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from pydicom.dataset import Dataset

from dicom_node.phantom_study import Rendering, phantom_study
from tests.faults.failpoints import ANALYSING, POINTS, RECEIVING, Failpoint, table
from tests.faults.forked_node import ForkedNode, forked_node
from tests.faults.nursery import ROOT, Nursery
from tests.faults.servers_of_a_node import PROFILES, servers_for
from tests.witness.client import Client
from tests.witness.studies import witness_study
from tests.witness.witness import Witness

pytestmark = [pytest.mark.integration, pytest.mark.slow]
SETTLED_SECONDS = 90
REPEATS = 20


@dataclass(frozen=True)
class Scene:
    """A node of forks, its client, and who watches both."""

    node: ForkedNode
    client: Client
    witness: Witness

    def settle(self) -> None:
        self.witness.wait_until_settled(self.node.ledger_url, limit_seconds=SETTLED_SECONDS)
        self.node.spool.sweep(older_than_seconds=-1)
        assert self.witness.check(self.node.spool.root, self.node.ledger_url) == []


@pytest.fixture(scope="module", params=PROFILES)
def scene(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, nursery: Nursery
) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("failpoints")
    with (
        servers_for(request.param) as servers,
        Witness(folder / "witness") as witness,
        forked_node(
            folder, nursery, destinations=witness.sink.address, quiet_seconds=0.3, **servers
        ) as node,
    ):
        witness.watch(node.ledger_url)
        yield Scene(node, witness.client(node.address), witness)


@pytest.mark.parametrize("point", RECEIVING, ids=lambda point: point.name)
def test_the_listener_dies(scene: Scene, point: Failpoint) -> None:
    _die_and_recover(scene, point, witness_study(point.name, images=1, looked_at=0))


@pytest.mark.parametrize(
    "point", [one for one in POINTS if one not in RECEIVING], ids=lambda point: point.name
)
def test_a_worker_dies(scene: Scene, point: Failpoint) -> None:
    study = _looked_at() if point in ANALYSING else witness_study(point.name, 1, looked_at=0)
    _die_and_recover(scene, point, study)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_each_dies_often_and_waits_as_long_as_a_hospital(scene: Scene) -> None:
    for repeat in range(REPEATS):
        for point in POINTS:
            study = witness_study(f"{point.name} {repeat}", 1, looked_at=point in ANALYSING)
            _die(scene, point, study)
        scene.settle()


def test_the_list_of_points_is_documented() -> None:
    documented = (ROOT / "docs" / "faults.md").read_text()
    assert table() in documented, "python -m tests.faults.failpoints prints it anew"


def _die_and_recover(scene: Scene, point: Failpoint, study: list[Dataset]) -> None:
    _die(scene, point, study)
    scene.node.let_time_pass()
    scene.settle()


def _die(scene: Scene, point: Failpoint, study: list[Dataset]) -> None:
    node = scene.node
    node.start_to_die(point)
    if point in RECEIVING:
        node.wait_until_listening()
        node.let_die()
        scene.client.store(study)
    else:
        node.let_die()
        scene.client.insist(study, limit_seconds=SETTLED_SECONDS)
    node.await_death(point)
    node.start(point.part)
    if point in RECEIVING:
        node.wait_until_listening()
        scene.client.insist(study, limit_seconds=SETTLED_SECONDS)


def _looked_at() -> list[Dataset]:
    """A broken hand: of which the node keeps pictures."""
    seed = next(_seeds)
    return phantom_study(seed, fractured=True, views=["ap"], rendering=Rendering(256, 208))


_seeds = iter(range(100, 1000))
