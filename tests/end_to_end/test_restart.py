"""A node that is asked to stop: it finishes what is open, and goes on where it was."""

import signal
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from db.presence import ListedProcess, processes
from db.session import reading
from dicom_node.phantom_study import Rendering, phantom_study
from tests.end_to_end.node import PARTS, START_SECONDS, Node, running_node
from tests.end_to_end.open_transfer import OpenTransfer
from tests.end_to_end.small_studies import small_studies
from tests.faults.forked_node import ForkedNode
from tests.faults.nursery import Nursery
from tests.servers import free_port
from tests.waiting import wait_for
from tests.witness.sink import Sink
from tests.witness.witness import Witness

pytestmark = [pytest.mark.integration, pytest.mark.slow]
RESULT_SECONDS = 120
WORKING = {"listener", "worker", "beat"}
GATEWAY = {"gateway_enabled": True, "gateway_token": "a-token-of-the-hospital"}


def test_a_restarted_node_reports_what_it_had_received(
    tmp_path: Path, witness: Witness, sink: Sink, nursery: Nursery
) -> None:
    # So long that nothing can be reported before the node is stopped.
    settings = {"destinations": sink.address, "quiet_seconds": 5}
    gateway_port = free_port()
    node = ForkedNode(
        tmp_path, settings | GATEWAY | {"gateway_port": gateway_port}, nursery=nursery
    )
    with closing(node):
        node.start_up()
        node.wait_until_listening()
        _gateway_asks_for_its_token(f"http://127.0.0.1:{gateway_port}")
        for study in small_studies("restart", 2):
            assert witness.client(node.address).store(study) == [0x0000] * 3
        assert node.stop("up") == 0
        assert node.survivors() == []
        assert _parts_present(node).isdisjoint(WORKING), "who ended in order has left"
        assert "part_killed" not in node.log("up")
        assert sink.reports() == []
        node.start(*PARTS)
        node.wait_for_studies("delivered", 2, RESULT_SECONDS)
        assert witness.check(node.spool.root, node.ledger_url, only=["I4"]) == []
        _every_part_is_present(node)


def _parts_present(node: Node) -> set[str]:
    with reading(node.ledger) as session:
        return {one.part for one in processes(session)}


def _every_part_is_present(node: Node) -> None:
    """And the analyst says where its network runs, once it is loaded."""

    def loaded() -> list[ListedProcess]:
        with reading(node.ledger) as session:
            return [one for one in processes(session) if one.device is not None]

    assert _parts_present(node) >= WORKING
    [analyst] = wait_for(loaded, "the analyst to say what it runs on", RESULT_SECONDS)
    assert (analyst.part, analyst.queues, analyst.is_silent) == ("worker", ["analyse"], False)
    assert (analyst.device or "").startswith(("CPU ", "cuda: "))
    assert analyst.model_version


def _gateway_asks_for_its_token(url: str) -> None:
    def answers() -> bool:
        try:
            return httpx.get(f"{url}/healthz").json() == {"ledger": "answers"}
        except httpx.TransportError:
            return False

    wait_for(answers, "the gateway", START_SECONDS)
    shown = {"Authorization": f"Bearer {GATEWAY['gateway_token']}"}
    for path in ("/dicom-web/studies", "/fhir/metadata"):
        assert httpx.get(url + path).status_code == 401
        assert httpx.get(url + path, headers=shown).is_success


def test_sigterm_lets_an_open_transfer_end(tmp_path: Path) -> None:
    (dataset,) = phantom_study(6, fractured=False, views=["ap"], rendering=Rendering(256, 208))
    with running_node(tmp_path, "listener") as node:
        transfer = OpenTransfer(node.address, dataset)
        node.processes["listener"].send_signal(signal.SIGTERM)
        wait_for(lambda: not node.answers_echo(), "the port to close", RESULT_SECONDS)
        assert transfer.finish() == 0x0000
        assert node.stop("listener") == 0
        assert [image["sop_instance_uid"] for image in node.images()] == [dataset.SOPInstanceUID]
