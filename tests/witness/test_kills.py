"""kill -9 of any component under load, on either pair of servers: nothing lost, nothing twice."""

import json
from functools import partial
from pathlib import Path

import pytest

from tests.faults.forked_node import forked_node
from tests.faults.nursery import Nursery
from tests.witness.campaign import (
    SERVERS,
    Campaign,
    Load,
    Servers,
    components,
    node_with_witness,
    seeded,
)

pytestmark = [
    pytest.mark.integration,
    pytest.mark.slow,
    pytest.mark.timeout(400),
    pytest.mark.requirement("R-KEEP-1", "R-KEEP-2", "R-WORK-2", "R-SEND-1", "R-SEND-2"),
]
# On both together 50 kills and 1,520 instances. Most are documents, which the node keeps and does
# not analyse: so the work of all parts takes about as long as the sending.
LOAD = Load(studies=20, images=2, others=36, kills=25)


@pytest.mark.parametrize("servers", SERVERS, ids=str)
def test_whatever_is_killed_nothing_is_lost(
    tmp_path: Path, nursery: Nursery, servers: Servers
) -> None:
    with node_with_witness(tmp_path, servers, run=partial(forked_node, nursery=nursery)) as scene:
        scene.node.start("web")
        campaign = Campaign(scene.node, scene.witness, components(scene), seeded())
        told = campaign.run_to_the_end(LOAD)
        print(json.dumps(told, indent=1))
        assert told["violations"] == []
        assert told["found"]["instances acknowledged"] == LOAD.instances
