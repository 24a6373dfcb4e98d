"""What a node holds does not grow with what it has received: 2,000 instances on each change."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.node import Node, running_node
from tests.witness.endurance import Endurance, LongLoad
from tests.witness.resources import LIMITS, Sample, trends
from tests.witness.witness import Witness

pytestmark = [
    pytest.mark.integration,
    pytest.mark.slow,
    pytest.mark.timeout(400),
    pytest.mark.requirement("R-NODE-4", "R-KEEP-5"),
]
# Documents alone: they end with the listener, which is what a hospital leans on longest.
LOAD = LongLoad(instances=2000, minutes=5, images=0, others=50)


@pytest.fixture
def witness(tmp_path: Path) -> Iterator[Witness]:
    with Witness(tmp_path / "witness") as witness:
        yield witness


def test_the_listener_holds_no_more_than_at_first(tmp_path: Path, witness: Witness) -> None:
    with running_node(tmp_path, "listener") as node:
        endurance = Endurance(node, witness, every_seconds=0.5)
        sampler = endurance.run(LOAD)
        growing = [one for one in trends(sampler.samples) if not one.is_flat]
        assert growing == []
        assert endurance.acknowledged == LOAD.instances
        _assert_kept(node, witness)


def _assert_kept(node: Node, witness: Witness) -> None:
    assert witness.check(node.spool.root, node.ledger_url) == []


def test_what_leaks_is_seen() -> None:
    """A leak of five KiB for each instance, and of a descriptor for each hundredth."""
    mib = 5 / 1024
    samples = [
        Sample(seconds, count, "listener", {"RSS": 80 + count * mib, "descriptors": count // 100})
        for seconds, count in enumerate(range(0, 2000, 20))
    ]
    assert {one.quantity for one in trends(samples) if not one.is_flat} == {"RSS", "descriptors"}


def test_what_only_wavers_is_flat() -> None:
    samples = [
        Sample(count, count, "listener", dict.fromkeys(LIMITS, 80.0 + count % 3))
        for count in range(100)
    ]
    assert all(one.is_flat for one in trends(samples))
